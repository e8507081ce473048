package codec

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/fxamacker/cbor/v2"
	"github.com/vmihailenco/msgpack/v5"

	"gatebook/events"
)

// standardJSON is encoding/json.
func standardJSON() candidate {
	return &codec[any]{
		form: tagged(), name: "json",
		append: func(b []byte, m any) []byte { return append(b, must(json.Marshal(m))...) },
		decode: json.Unmarshal,
	}
}

// integerKeys is fxamacker/cbor with the tags of the fields as keys.
func integerKeys() candidate {
	encoder := must(cbor.CoreDetEncOptions().UserBufferEncMode())
	decoder := must(cbor.DecOptions{}.DecMode())
	var buffer bytes.Buffer
	return &codec[any]{
		form: tagged(), name: "cbor",
		append: func(b []byte, m any) []byte {
			buffer.Reset()
			must(0, encoder.MarshalToBuffer(m, &buffer))
			return append(b, buffer.Bytes()...)
		},
		decode: decoder.Unmarshal,
	}
}

// messagePack is vmihailenco/msgpack with names as keys; it knows no other ones.
func messagePack() candidate {
	var buffer bytes.Buffer
	encoder := msgpack.NewEncoder(&buffer)
	encoder.SetCustomStructTag("json")
	encoder.UseCompactInts(true)
	var reader bytes.Reader
	decoder := msgpack.NewDecoder(&reader)
	decoder.SetCustomStructTag("json")
	return &codec[any]{
		form: tagged(), name: "msgpack",
		append: func(b []byte, m any) []byte {
			buffer.Reset()
			must(0, encoder.Encode(m))
			return append(b, buffer.Bytes()...)
		},
		decode: func(b []byte, m any) error {
			reader.Reset(b)
			decoder.ResetReader(&reader)
			return decoder.Decode(m)
		},
	}
}

// The events as types with tags, which is all that these codecs ask for. A zero
// is left out, as in the other candidates.
type (
	taggedCounters struct {
		Reads           uint64 `json:"reads,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Writes          uint64 `json:"writes,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		BufferedWrites  uint64 `json:"buffered_writes,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
		HighWaterEvents uint64 `json:"high_water_events,omitempty,omitzero" cbor:"4,keyasint,omitempty"`
		LowWaterEvents  uint64 `json:"low_water_events,omitempty,omitzero" cbor:"5,keyasint,omitempty"`
		BytesRead       uint64 `json:"bytes_read,omitempty,omitzero" cbor:"6,keyasint,omitempty"`
		BytesWritten    uint64 `json:"bytes_written,omitempty,omitzero" cbor:"7,keyasint,omitempty"`
	}
	taggedFinal struct {
		Connection uint32         `json:"connection,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Counters   taggedCounters `json:"counters,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		Active     int64          `json:"active,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
	}
	taggedOpened struct {
		Type        uint8  `json:"type,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Source      string `json:"source,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		Incarnation string `json:"incarnation,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
		Service     string `json:"service,omitempty,omitzero" cbor:"4,keyasint,omitempty"`
		Listener    string `json:"listener,omitempty,omitzero" cbor:"5,keyasint,omitempty"`
		Protocol    string `json:"protocol,omitempty,omitzero" cbor:"6,keyasint,omitempty"`
		TLS         string `json:"tls,omitempty,omitzero" cbor:"7,keyasint,omitempty"`
	}
	taggedOpenedPersonal struct {
		Key     string `json:"key,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Address string `json:"address,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		Port    uint16 `json:"port,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
		Subject string `json:"subject,omitempty,omitzero" cbor:"4,keyasint,omitempty"`
	}
	taggedReady struct {
		Database string `json:"database,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
	}
	taggedReadyPersonal struct {
		User    string `json:"user,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Program string `json:"program,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
	}
	taggedClosed struct {
		Reason   uint8         `json:"reason,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Finals   []taggedFinal `json:"finals,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		Database string        `json:"database,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
	}
	taggedClosedPersonal struct {
		By          string `json:"by,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Description string `json:"description,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		User        string `json:"user,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
		Program     string `json:"program,omitempty,omitzero" cbor:"4,keyasint,omitempty"`
	}
	taggedConnection struct {
		Connection uint32 `json:"connection,omitempty,omitzero" cbor:"1,keyasint,omitempty"`
		Server     string `json:"server,omitempty,omitzero" cbor:"2,keyasint,omitempty"`
		ServerID   uint64 `json:"server_id,omitempty,omitzero" cbor:"3,keyasint,omitempty"`
	}
	taggedStatistics struct {
		taggedCounters
		Connection uint32 `json:"connection,omitempty,omitzero" cbor:"8,keyasint,omitempty"`
		Active     int64  `json:"active,omitempty,omitzero" cbor:"9,keyasint,omitempty"`
	}
)

func tagged() form[any] {
	return form[any]{from: fromTagged, core: taggedCore, personal: taggedPersonal, equal: reflect.DeepEqual}
}

func fromTagged(e events.Event) (core, personal any) {
	switch e := e.(type) {
	case *events.SessionOpened:
		return &taggedOpened{uint8(e.Type), e.Source, e.Incarnation, e.Service, e.Listener, e.Protocol, e.TLS},
			&taggedOpenedPersonal{e.Key, e.Address, e.Port, e.Subject}
	case *events.SessionReady:
		return &taggedReady{e.Database}, &taggedReadyPersonal{e.User, e.Program}
	case *events.SessionClosed:
		m := &taggedClosed{Reason: uint8(e.Reason), Database: e.Database}
		for _, f := range e.Finals {
			m.Finals = append(m.Finals, taggedFinal{f.Connection, taggedCounters(f.Counters), int64(f.Active)})
		}
		if e.By+e.Description+e.User+e.Program == "" {
			return m, nil
		}
		return m, &taggedClosedPersonal{e.By, e.Description, e.User, e.Program}
	case *events.ConnectionOpened:
		return &taggedConnection{e.Connection, e.Server, e.ServerID}, nil
	case *events.StatisticsRecorded:
		return &taggedStatistics{taggedCounters(e.Counters), e.Connection, int64(e.Active)}, nil
	}
	panic("not in the ordinary mix: " + e.Kind().String())
}

func taggedCore(kind events.Kind) any {
	switch kind {
	case events.KindSessionOpened:
		return &taggedOpened{}
	case events.KindSessionReady:
		return &taggedReady{}
	case events.KindSessionClosed:
		return &taggedClosed{}
	case events.KindConnectionOpened:
		return &taggedConnection{}
	case events.KindStatisticsRecorded:
		return &taggedStatistics{}
	}
	panic("not in the ordinary mix: " + kind.String())
}

func taggedPersonal(core any) any {
	switch core.(type) {
	case *taggedOpened:
		return &taggedOpenedPersonal{}
	case *taggedReady:
		return &taggedReadyPersonal{}
	case *taggedClosed:
		return &taggedClosedPersonal{}
	}
	return nil
}
