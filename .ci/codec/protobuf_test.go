package codec

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"gatebook/codec/pb"
	"gatebook/events"
)

// message is a generated message; it can be used in either way.
type message interface {
	proto.Message
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
}

// protobuf is google.golang.org/protobuf.
func protobuf() candidate {
	return &codec[message]{
		form: generated(), name: "protobuf",
		append: func(b []byte, m message) []byte { return must(proto.MarshalOptions{}.MarshalAppend(b, m)) },
		decode: func(b []byte, m message) error { return proto.Unmarshal(b, m) },
	}
}

// vtproto is the code that planetscale/vtprotobuf adds to the same messages.
func vtproto() candidate {
	return &codec[message]{form: generated(), name: "vtprotobuf", append: appendVT, decode: func(b []byte, m message) error { return m.UnmarshalVT(b) }}
}

func appendVT(b []byte, m message) []byte {
	n := m.SizeVT()
	start := len(b)
	b = slices.Grow(b, n)[:start+n]
	must(m.MarshalToSizedBufferVT(b[start:]))
	return b
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func generated() form[message] {
	return form[message]{from: fromGenerated, core: generatedCore, personal: generatedPersonal, equal: func(a, b message) bool { return proto.Equal(a, b) }}
}

func fromGenerated(e events.Event) (core, personal message) {
	switch e := e.(type) {
	case *events.SessionOpened:
		core = &pb.SessionOpened{
			Type: uint32(e.Type), Source: e.Source, Incarnation: e.Incarnation, Service: e.Service,
			Listener: e.Listener, Protocol: e.Protocol, Tls: e.TLS,
		}
		personal = &pb.SessionOpenedPersonal{Key: e.Key, Address: e.Address, Port: uint32(e.Port), Subject: e.Subject}
	case *events.SessionReady:
		core = &pb.SessionReady{Database: e.Database}
		personal = &pb.SessionReadyPersonal{User: e.User, Program: e.Program}
	case *events.SessionClosed:
		m := &pb.SessionClosed{Reason: uint32(e.Reason), Database: e.Database}
		for i := range e.Finals {
			m.Finals = append(m.Finals, generatedFinal(&e.Finals[i]))
		}
		core, personal = m, &pb.SessionClosedPersonal{By: e.By, Description: e.Description, User: e.User, Program: e.Program}
	case *events.ConnectionOpened:
		core = &pb.ConnectionOpened{Connection: e.Connection, Server: e.Server, ServerId: e.ServerID}
	case *events.ConnectionClosed:
		m := &pb.ConnectionClosed{Reason: uint32(e.Reason)}
		if e.Final != (events.Final{}) {
			m.Final = generatedFinal(&e.Final)
		}
		core = m
	case *events.StatisticsRecorded:
		v := &e.Counters
		core = &pb.StatisticsRecorded{
			Reads: v.Reads, Writes: v.Writes, BufferedWrites: v.BufferedWrites,
			HighWaterEvents: v.HighWaterEvents, LowWaterEvents: v.LowWaterEvents,
			BytesRead: v.BytesRead, BytesWritten: v.BytesWritten,
			Connection: e.Connection, Active: int64(e.Active),
		}
	case *events.ServiceDeclared:
		core = &pb.ServiceDeclared{
			Name: e.Name, Source: e.Source, Protocol: e.Protocol, Router: e.Router,
			Listeners: e.Listeners, Servers: e.Servers, Stopped: e.Stopped,
		}
		personal = &pb.ServiceDeclaredPersonal{By: e.By}
	default:
		panic("not in events.proto: " + e.Kind().String())
	}
	if personal != nil && personal.SizeVT() == 0 {
		personal = nil
	}
	return core, personal
}

func generatedFinal(f *events.Final) *pb.Final {
	m := &pb.Final{Connection: f.Connection, Active: int64(f.Active)}
	if v := &f.Counters; *v != (events.Counters{}) {
		m.Counters = &pb.Counters{
			Reads: v.Reads, Writes: v.Writes, BufferedWrites: v.BufferedWrites,
			HighWaterEvents: v.HighWaterEvents, LowWaterEvents: v.LowWaterEvents,
			BytesRead: v.BytesRead, BytesWritten: v.BytesWritten,
		}
	}
	return m
}

func generatedCore(kind events.Kind) message {
	switch kind {
	case events.KindSessionOpened:
		return &pb.SessionOpened{}
	case events.KindSessionReady:
		return &pb.SessionReady{}
	case events.KindSessionClosed:
		return &pb.SessionClosed{}
	case events.KindConnectionOpened:
		return &pb.ConnectionOpened{}
	case events.KindConnectionClosed:
		return &pb.ConnectionClosed{}
	case events.KindStatisticsRecorded:
		return &pb.StatisticsRecorded{}
	case events.KindServiceDeclared:
		return &pb.ServiceDeclared{}
	}
	panic("not in events.proto: " + kind.String())
}

func generatedPersonal(core message) message {
	switch core.(type) {
	case *pb.SessionOpened:
		return &pb.SessionOpenedPersonal{}
	case *pb.SessionReady:
		return &pb.SessionReadyPersonal{}
	case *pb.SessionClosed:
		return &pb.SessionClosedPersonal{}
	case *pb.ServiceDeclared:
		return &pb.ServiceDeclaredPersonal{}
	}
	return nil
}
