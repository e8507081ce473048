package projection

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"unique"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/events/wire"
)

// full returns a session with every property set.
func full() *Session {
	extra := extra{
		Type: events.TypeCancel, Key: "c-1", TLS: "TLS 1.3", Subject: "CN=jdoe",
		Kill:    Kill{By: "ann", Why: "maintenance", Due: 10, Requested: 11},
		Ending:  Ending{Ended: 12, Reason: events.ReasonKilled, By: "bob", Description: "gone", LastSeen: 13},
		WasLost: true, Incarnation: "2", Former: "ann" + formerEnd,
	}
	s := &Session{
		ID: 1, Version: 1 << 40, Modified: 6, Opened: 3, Ready: -4, Active: 5, Port: 4711, Status: Lost, Stage: Stopping,
		origin:      unique.Make(Origin{Source: "gateway", Incarnation: "1", Service: "orders", Listener: "[::]:4006", Protocol: "mysql"}),
		login:       unique.Make(Login{User: "jdoe", Database: "shop", Program: "psql"}),
		extra:       &extra,
		counters:    counters{1, 2, 3, 4, &rare{5, 6, 7, 8, "cause"}},
		Connections: []Connection{{ServerID: 99, Opened: 5, Number: 1, State: Failed, Reason: events.ReasonError, server: unique.Make("db-1"), counters: counters{4, 3, 2, 1, &rare{8, 7, 6, 5, "refused"}}}},
		trail:       extend(extend("", 0, 9), 9, 300),
	}
	s.setAddress("2001:db8::1")
	return s
}

// wantRoundTrip fails unless decoding the encoded v returns v.
func wantRoundTrip[T any](t rapid.TB, v *T, fields func(*T, *wire.Coder)) {
	t.Helper()
	encoder := wire.NewEncoder(nil)
	fields(v, &encoder)
	// The third finds its texts and handles where the second left them.
	strings := new(wire.Strings)
	for _, shared := range []*wire.Strings{nil, strings, strings} {
		var got T
		decoder := wire.NewDecoder(encoder.Bytes(), shared)
		fields(&got, &decoder)
		if err := decoder.Finish(); err != nil || !reflect.DeepEqual(&got, v) {
			t.Fatalf("%x: error %v\n got %+v\nwant %+v", encoder.Bytes(), err, got, *v)
		}
		again := wire.NewEncoder(nil)
		if fields(&got, &again); !bytes.Equal(again.Bytes(), encoder.Bytes()) {
			t.Fatalf("encoded again:\n got %x\nwant %x", again.Bytes(), encoder.Bytes())
		}
	}
}

// zero returns the path of a field that is zero, "" if there is none.
func zero(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return zero(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if p := zero(v.Field(i), path+"."+v.Type().Field(i).Name); p != "" {
				return p
			}
		}
		return ""
	case reflect.Slice:
		for i := range v.Len() {
			if p := zero(v.Index(i), path+"[]"); p != "" {
				return p
			}
		}
	}
	if v.IsZero() {
		return path
	}
	return ""
}

// TestEveryFieldIsStored encodes and decodes values with every field set, so that neither the
// encoding nor this test forgets one.
func TestEveryFieldIsStored(t *testing.T) {
	t.Parallel()
	s := full()
	service := Service{"orders", "gateway", "mysql", "priority", []string{"[::]:4006"}, []string{"db-1"}, 1, true, 2, 3, 4, 5, Change{6, 7}, "gateway"}
	server := Server{"db-1", "gateway", "192.0.2.1", "mysql", 3306, events.ServerDown, 1, "refused", 2, 3, 4, 5, Change{6, 7}, "gateway"}
	source := Source{"gateway", "1", "1.0", "gate", "ann", SourceLost, 1, 2, 3, 4, 5, []string{"0"}, Unrecorded{1, 2, 3, 4}, 6, 7, Change{8, 9}}
	sum := totalsRow{Totals{1, 2}, Change{5, 6}, 3, 4, []string{"orders"}, []string{"db-1"}, []string{"gateway"}}
	origin, login, unnamed := s.Origin(), s.Login(), *s.extra
	unnamed.AddressAsText = "-" // it has an address instead, see TestAddress
	for _, v := range []any{origin, login, unnamed, service, server, source, sum} {
		if path := zero(reflect.ValueOf(v), reflect.TypeOf(v).Name()); path != "" {
			t.Errorf("%s is not filled: the test proves nothing", path)
		}
	}
	if path := zero(reflect.ValueOf(s), "Session"); path != "Session.extra.AddressAsText" {
		t.Errorf("%s is not filled: the test proves nothing", path)
	}
	wantRoundTrip(t, s, (*Session).fields)
	wantRoundTrip(t, &service, (*Service).fields)
	wantRoundTrip(t, &server, (*Server).fields)
	wantRoundTrip(t, &source, (*Source).fields)
	wantRoundTrip(t, &sum, (*totalsRow).fields)
}

func TestImages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		wantRoundTrip(t, anySession().Draw(t, "session"), (*Session).fields)
		service := rapid.Make[Service]().Draw(t, "service")
		service.Listeners, service.Servers = texts(service.Listeners), texts(service.Servers)
		wantRoundTrip(t, &service, (*Service).fields)
		server := rapid.Make[Server]().Draw(t, "server")
		wantRoundTrip(t, &server, (*Server).fields)
		source := rapid.Make[Source]().Draw(t, "source")
		source.Former = texts(source.Former)
		wantRoundTrip(t, &source, (*Source).fields)
	})
}

// anySession draws any session.
func anySession() *rapid.Generator[*Session] {
	return rapid.Custom(func(t *rapid.T) *Session {
		s := &Session{
			ID: rapid.Uint64().Draw(t, "id"), Version: rapid.Uint64().Draw(t, "version"),
			Opened: moments().Draw(t, "opened"), Ready: moments().Draw(t, "ready"), Active: moments().Draw(t, "active"),
			Port:   rapid.Uint16().Draw(t, "port"),
			Status: rapid.SampledFrom([]Status{Live, Closed, Lost}).Draw(t, "status"),
			Stage:  rapid.SampledFrom([]Stage{Accepted, LoggingIn, Routing, Stopping}).Draw(t, "stage"),
			origin: unique.Make(rapid.Make[Origin]().Draw(t, "origin")),
			login:  unique.Make(rapid.Make[Login]().Draw(t, "login")),
		}
		if x := rapid.Make[extra]().Draw(t, "extra"); rapid.Bool().Draw(t, "has extra") {
			x.AddressAsText = ""
			if x != (extra{}) {
				s.extra = &x
			}
		}
		s.setAddress(addresses().Draw(t, "address"))
		s.counters = someCounters(t)
		for range rapid.IntRange(0, 3).Draw(t, "connections") {
			s.Connections = append(s.Connections, Connection{
				ServerID: rapid.Uint64().Draw(t, "server's id"), Opened: moments().Draw(t, "opened"),
				Number:   rapid.Uint32().Draw(t, "number"),
				State:    rapid.SampledFrom([]ConnectionState{Open, Ended, Failed}).Draw(t, "state"),
				Reason:   events.Reason(rapid.Uint8().Draw(t, "reason")),
				server:   unique.Make(rapid.String().Draw(t, "server")),
				counters: someCounters(t),
			})
		}
		last := uint64(0)
		for _, step := range rapid.SliceOfN(rapid.Uint64Range(1, 1<<40), 0, 20).Draw(t, "trail") {
			s.trail = extend(s.trail, last, last+step)
			last += step
		}
		return s
	})
}

func someCounters(t *rapid.T) counters {
	var c counters
	c.set(rapid.Make[events.Counters]().Draw(t, "counters"))
	if r := (rare{closed: moments().Draw(t, "closed"), cause: rapid.String().Draw(t, "cause")}); r != (rare{}) {
		if c.rare != nil {
			r.buffered, r.high, r.low = c.rare.buffered, c.rare.high, c.rare.low
		}
		c.rare = &r
	}
	return c
}

func moments() *rapid.Generator[events.Time] { return rapid.Make[events.Time]() }

func addresses() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "::", "::1", "0.0.0.0", "::ffff:0.0.0.0", "::ffff:192.0.2.7", "fe80::1%eth0", "2001:DB8::1", "192.0.2.007"}),
		rapid.String(),
	)
}

// texts draws lists of texts that are not empty; nil for none.
func texts(all []string) []string {
	if all = slices.DeleteFunc(all, func(s string) bool { return s == "" }); len(all) == 0 {
		return nil
	}
	return all
}

// TestAddress shows addresses, each in the one form of its row.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given, want string
		isIP        bool
		found       bool // by the filters of addresses
	}{
		{"", "", false, false},
		{"192.0.2.7", "192.0.2.7", true, true},
		{"::ffff:192.0.2.7", "192.0.2.7", true, true},
		{"2001:DB8:0::1", "2001:db8::1", true, true},
		{"::1", "::1", true, true},
		{"::", "::", false, true}, // not the address of a client
		{"0.0.0.0", "0.0.0.0", true, true},
		{"::ffff:0.0.0.0", "0.0.0.0", true, true},
		{"fe80::1%eth0", "fe80::1%eth0", false, true},
		{"/run/app.sock", "/run/app.sock", false, false},
		{"192.0.2.007", "192.0.2.007", false, false},
	} {
		s := &Session{origin: unique.Make(Origin{}), login: unique.Make(Login{})}
		s.setAddress(c.given)
		if got := s.Address(); got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.given, got, c.want)
		}
		if ip := s.IP(); s.AddressIsIP() != c.isIP || ip.IsValid() != c.found || c.isIP && ip.String() != c.want {
			t.Errorf("the IP address of %q is %v", c.given, ip)
		}
		wantRoundTrip(t, s, (*Session).fields)
	}
}

// FuzzDecodeSession decodes any bytes: they are an error, or the row of the decoded
// session.
func FuzzDecodeSession(f *testing.F) {
	f.Add(full().AppendTo(nil))
	f.Add((&Session{origin: unique.Make(Origin{}), login: unique.Make(Login{})}).AppendTo(nil))
	for _, address := range []string{"192.0.2.7", "::ffff:192.0.2.7", "::FFFF:0.0.0.0", "not an address", "fe80::1%eth0"} {
		c := wire.NewEncoder(nil)
		c.Text(8, &address)
		f.Add(c.Bytes())
	}
	f.Add([]byte{13<<3 | 2, 2, 5 << 3, 3}) // a connection in an unknown state
	for _, tag := range []uint64{10, 11} { // a status and a stage
		c, none := wire.NewEncoder(nil), uint8(4)
		wire.Uint(&c, tag, &none)
		f.Add(c.Bytes())
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		s, err := DecodeSession(row, nil)
		var strings wire.Strings
		if _, err := DecodeSession(full().AppendTo(nil), &strings); err != nil {
			t.Fatal(err)
		}
		if after, errAfter := DecodeSession(row, &strings); fmt.Sprint(err) != fmt.Sprint(errAfter) || !reflect.DeepEqual(s, after) {
			t.Fatalf("%x became %+v, with error %v, and after another row %+v, with error %v", row, s, err, after, errAfter)
		}
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) || s != nil {
				t.Fatalf("session %v, error %v does not wrap ErrMalformed", s, err)
			}
			return
		}
		if again := s.AppendTo(nil); !bytes.Equal(again, row) {
			t.Fatalf("%x became %+v, whose row is %x", row, s, again)
		}
		if s.Status > Lost || s.Stage > Stopping || slices.ContainsFunc(s.Connections, func(c Connection) bool { return c.State > Failed }) {
			t.Fatalf("%x became a session that cannot be: %+v", row, s)
		}
	})
}

// FuzzDecodeEntity does the same with the rows of services, servers, sources and
// totals.
func FuzzDecodeEntity(f *testing.F) {
	f.Add(byte(0), entityRow(TableServices, "", (&Service{Name: "orders", Servers: []string{"db-1", "db-2"}, Stopped: true}).fields).Value)
	f.Add(byte(1), entityRow(TableServers, "", (&Server{Name: "db-1", Port: 3306, Since: -1}).fields).Value)
	f.Add(byte(2), entityRow(TableSources, "", (&Source{Name: "gateway", State: SourceLost, Lease: 1}).fields).Value)
	f.Add(byte(3), entityRow(TableTotals, "", (&totalsRow{Totals: Totals{1, 2}, services: []string{"orders"}}).fields).Value)
	f.Fuzz(func(t *testing.T, table byte, row []byte) {
		fields := []func(*wire.Coder){new(Service).fields, new(Server).fields, new(Source).fields, new(totalsRow).fields}[table%4]
		c := wire.NewDecoder(row, nil)
		if fields(&c); c.Finish() != nil {
			return
		}
		again := wire.NewEncoder(nil)
		if fields(&again); !bytes.Equal(again.Bytes(), row) {
			t.Fatalf("%x is encoded again as %x", row, again.Bytes())
		}
	})
}

// BenchmarkDecodeSession decodes the rows of ordinary live sessions, as an opening does.
func BenchmarkDecodeSession(b *testing.B) {
	rows := make([][]byte, 1000)
	for i := range rows {
		s := full()
		s.ID, s.extra, s.counters.rare = uint64(i+1), nil, nil
		s.login = unique.Make(Login{User: fmt.Sprint("user", i%500), Database: "shop", Program: "checkout/2.11"})
		s.setAddress(fmt.Sprintf("192.0.2.%d", i%250))
		s.Connections[0].counters.rare = nil
		s.Connections = append(s.Connections, s.Connections[0])
		rows[i] = s.AppendTo(nil)
	}
	var strings wire.Strings
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := DecodeSession(rows[i%len(rows)], &strings); err != nil {
			b.Fatal(err)
		}
	}
}
