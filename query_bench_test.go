package gatebook_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

const (
	// pastRecords is how many records a session of the past makes.
	pastRecords = 4
	// pastApart is how long after one session of the past the next one opens.
	pastApart = 100 * events.Time(time.Millisecond/time.Microsecond)
	// pastLong is how many sessions open before one ends.
	pastLong = 2000
	// pastBegin is when the first one opened.
	pastBegin = events.Time(1_764_000_000_000_000)
	// pastWindow is how many sessions opened in the windows that are asked for.
	pastWindow = 10_000
)

// brief are the records that are made when a session of the past opens: its own
// and the end of the one that opened pastLong before it. One of a thousand lasts to
// the end of the history.
func brief(id uint64, sessions int) []storage.Entry {
	opened := pastBegin + events.Time(id)*pastApart
	var entries []storage.Entry
	record := func(id uint64, e events.Event) {
		entries = append(entries, storage.Entry{Record: events.Record{Session: id, Occurred: opened, Event: e}, Expect: 1 << 60})
	}
	record(id, &events.SessionOpened{
		Source: "gateway", Incarnation: "1", Service: "orders", Listener: "10.0.0.1:4006", Protocol: "mysql",
		Address: fmt.Sprintf("192.%d.%d.%d", id%7, id/250%250, id%250), Port: uint16(1024 + id%60000),
	})
	record(id, &events.ConnectionOpened{Connection: 1, Server: fmt.Sprintf("db-serv-%02d", id%4), ServerID: 100_000 + id})
	record(id, &events.SessionReady{User: fmt.Sprintf("user%d", id*31%50), Database: "shop", Program: "checkout/2.11"})
	if before := id - pastLong; id > pastLong && before%1000 != 0 {
		record(before, &events.SessionClosed{Reason: events.ReasonClientClosed})
	}
	if id < uint64(sessions) {
		return entries
	}
	for before := uint64(1); before <= id; before++ {
		if before%1000 == 0 || before > id-pastLong {
			record(before, &events.SessionClosed{Reason: events.ReasonClientClosed})
		}
	}
	return entries
}

// newPast opens a registry whose book has that many sessions, all of them archived.
func newPast(b *testing.B, sessions int) *gatebook.Registry {
	b.Helper()
	folder := filepath.Join(b.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	fillWith(b, filepath.Join(folder, "log"), sessions, func(id uint64) []storage.Entry { return brief(id, sessions) })
	open := func() *gatebook.Registry {
		registry, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return registry
	}
	if err := open().Close(); err != nil { // a checkpoint of everything
		b.Fatal(err)
	}
	registry := open()
	b.Cleanup(func() {
		if err := registry.Close(); err != nil {
			b.Error(err)
		}
	})
	return registry
}

// BenchmarkPast lists pages of a hundred over ten thousand and over a million ended
// sessions: they should cost the same. The windows are as long in both.
func BenchmarkPast(b *testing.B) {
	for _, sessions := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			registry := newPast(b, sessions)
			middle := pastBegin + events.Time(sessions-pastWindow)/2*pastApart
			window := projection.Filter{Since: middle, Until: middle + pastWindow*pastApart}
			for name, filter := range map[string]projection.Filter{
				"all":         {},
				"window":      window,
				"user-window": {Users: []string{"user7"}, Since: window.Since, Until: window.Until},
				"server-user-window": {
					Servers: []string{"db-serv-01"}, Users: []string{"user7", "user8"}, Since: window.Since, Until: window.Until,
				},
				"names-user": {
					Services: []string{"Old Orders", "Bills", "Orders"}, Sources: []string{"Gateway"},
					Servers: []string{"DB Serv 01", "DB Serv 02", "DB Serv 03"}, Users: []string{"user7"},
				},
				"client":  {Networks: []netip.Prefix{netip.MustParsePrefix("192.3.7.0/28")}},
				"network": {Networks: []netip.Prefix{netip.MustParsePrefix("192.3.0.0/16")}},
			} {
				q := gatebook.Query{Live: true, Closed: true, Lost: true, Limit: 100, Filter: filter}
				b.Run(name, func(b *testing.B) { benchPage(b, registry, q) })
				q.Order = gatebook.ByEndDescending
				b.Run(name+"/latest", func(b *testing.B) { benchPage(b, registry, q) })
			}
			q := gatebook.Query{Live: true, Limit: 100, AsOf: uint64(sessions/2) * pastRecords}
			b.Run("as-of", func(b *testing.B) { benchPage(b, registry, q) })
			q.Filter.Users = []string{"user7"}
			b.Run("as-of/user", func(b *testing.B) { benchPage(b, registry, q) })
			q = gatebook.Query{Closed: true, Limit: 100, Filter: q.Filter, Count: true}
			b.Run("count/user", func(b *testing.B) { benchPage(b, registry, q) })
		})
	}
}

// BenchmarkPresent lists pages of a hundred over ten thousand and over a hundred
// thousand live sessions.
func BenchmarkPresent(b *testing.B) {
	for _, live := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("sessions=%d", live), func(b *testing.B) {
			folder := filepath.Join(b.TempDir(), "data")
			if err := os.Mkdir(folder, 0o700); err != nil {
				b.Fatal(err)
			}
			fill(b, filepath.Join(folder, "log"), live, live)
			registry, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := registry.Close(); err != nil {
					b.Error(err)
				}
			}()
			for name, filter := range map[string]projection.Filter{
				"all":     {},
				"user":    {Users: []string{"user7"}},
				"server":  {Servers: []string{"db-serv-02"}, Users: []string{"user7", "user8"}},
				"network": {Networks: []netip.Prefix{netip.MustParsePrefix("192.0.8.0/22")}},
				"none":    {Reasons: []events.Reason{events.ReasonClientClosed}},
				"before":  {Until: 1},
			} {
				q := gatebook.Query{Live: true, Limit: 100, Filter: filter}
				b.Run(name, func(b *testing.B) { benchPage(b, registry, q) })
			}
		})
	}
}

func benchPage(b *testing.B, registry *gatebook.Registry, q gatebook.Query) {
	b.ReportAllocs()
	var seen int
	for b.Loop() {
		listing, err := registry.Sessions(q)
		if err != nil {
			b.Fatal(err)
		}
		seen = 0
		for _, err := range listing.All() {
			if err != nil {
				b.Fatal(err)
			}
			seen++
		}
	}
	b.ReportMetric(float64(seen), "listed")
}
