package gatebook_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
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
	return newPastOf(b, sessions, brief)
}

// newPastOf is newPast for sessions with the given records.
func newPastOf(b *testing.B, sessions int, records func(id uint64, sessions int) []storage.Entry) *gatebook.Registry {
	b.Helper()
	folder := filepath.Join(b.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	fillWith(b, filepath.Join(folder, "log"), sessions, func(id uint64) []storage.Entry { return records(id, sessions) })
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

// diverse are the records of a session of the past whose properties differ as those of a busy
// site do: one of a thousand was killed, one of fifty did not log in, and the services of one
// half of the history are not those of the other. One of a hundred thousand is of a source
// that reports nothing else.
func diverse(id uint64, sessions int) []storage.Entry {
	opened := pastBegin + events.Time(id)*pastApart
	var entries []storage.Entry
	record := func(e events.Event) {
		entries = append(entries, storage.Entry{Record: events.Record{Session: id, Occurred: opened, Event: e}, Expect: 1 << 60})
	}
	service, source := fmt.Sprintf("early-%d", id%5), "gateway"
	if id > uint64(sessions)/2 {
		service = fmt.Sprintf("late-%d", id%5)
	}
	if id%100_000 == 77 {
		source = "rare"
	}
	record(&events.SessionOpened{
		Source: source, Incarnation: "1", Service: service, Listener: "10.0.0.1:4006", Protocol: "mysql",
		Address: fmt.Sprintf("10.%d.%d.%d", id%7, id/7%50, id/350%20), Port: uint16(1024 + id%60000),
	})
	if id%50 == 3 {
		record(&events.SessionClosed{Reason: events.ReasonAuthFailed, User: "mallory"})
		return entries
	}
	record(&events.ConnectionOpened{Connection: 1, Server: fmt.Sprintf("db-serv-%02d", id%4), ServerID: 100_000 + id})
	record(&events.SessionReady{User: fmt.Sprintf("user%d", id*31%500), Database: fmt.Sprintf("shop%d", id%9), Program: "checkout/2.11"})
	if id%1000 == 500 {
		record(&events.KillRequested{By: "dba", Why: "runaway"})
		record(&events.SessionClosed{Reason: events.ReasonKilled, By: "dba"})
		return entries
	}
	record(&events.SessionClosed{Reason: events.ReasonClientClosed})
	return entries
}

// BenchmarkArchive asks for what once cost the whole archive, over thirty thousand ended
// sessions and over three hundred thousand: it should cost the same. Set
// GATEBOOK_BENCH_SESSIONS to measure with other numbers.
func BenchmarkArchive(b *testing.B) {
	sizes := []int{30_000, 300_000}
	if n, err := strconv.Atoi(os.Getenv("GATEBOOK_BENCH_SESSIONS")); err == nil {
		sizes = []int{n}
	}
	for _, sessions := range sizes {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			registry := newPastOf(b, sessions, diverse)
			for _, c := range archiveQueries(registry, sessions) {
				b.Run(c.name, func(b *testing.B) { benchPage(b, registry, c.Query) })
			}
			benchEvents(b, registry)
			for by := gatebook.GroupUser; by <= gatebook.GroupHour; by++ {
				benchCounts(b, registry, sessions, by)
			}
		})
	}
}

// benchEvents reads all events of a kind, and of a source, that are rare.
func benchEvents(b *testing.B, registry *gatebook.Registry) {
	for name, f := range map[string]gatebook.EventFilter{
		"kind": {Kinds: []events.Kind{events.KindSourceStarted}}, "source": {Sources: []string{"rare"}},
	} {
		b.Run("events/"+name, func(b *testing.B) {
			b.ReportAllocs()
			var found int
			for b.Loop() {
				found = 0
				for _, err := range registry.Events(0, f) {
					if err != nil {
						b.Fatal(err)
					}
					found++
				}
			}
			b.ReportMetric(float64(found), "found")
		})
	}
}

// benchCounts counts all ended sessions by a group, those of a window, of a filter, and of
// both.
func benchCounts(b *testing.B, registry *gatebook.Registry, sessions int, by gatebook.Group) {
	begin := pastBegin + events.Time(sessions-pastWindow)/2*pastApart
	window := projection.Filter{Since: begin, Until: begin + pastWindow*pastApart}
	failed := []events.Reason{events.ReasonAuthFailed}
	for name, f := range map[string]projection.Filter{
		"all": {}, "window": window, "reason": {Reasons: failed}, "service": {Services: []string{"late-2"}},
		"reason-window": {Reasons: failed, Since: window.Since, Until: window.Until},
	} {
		b.Run("by-"+by.String()+"/"+name, func(b *testing.B) {
			b.ReportAllocs()
			var groups uint64
			for b.Loop() {
				counts, err := registry.Counts(context.Background(), gatebook.Query{Closed: true, Lost: true, Filter: f}, by, 10)
				if err != nil {
					b.Fatal(err)
				}
				groups = counts.Total
			}
			b.ReportMetric(float64(groups), "groups")
		})
	}
}

type namedQuery struct {
	name string
	gatebook.Query
}

// archiveQueries returns the queries of BenchmarkArchive.
func archiveQueries(registry *gatebook.Registry, sessions int) (all []namedQuery) {
	middle := pastBegin + events.Time(sessions-pastWindow)/2*pastApart
	add := func(name string, q gatebook.Query, f projection.Filter) {
		q.Closed, q.Lost, q.Filter = true, true, f
		if q.Limit == 0 {
			q.Limit = 100
		}
		all = append(all, namedQuery{name, q})
	}
	killed := projection.Filter{Reasons: []events.Reason{events.ReasonKilled}}
	for name, f := range map[string]projection.Filter{
		"reason": killed, "by": {By: []string{"dba"}}, "user": {Users: []string{"user7"}}, "program": {Programs: []string{"checkout/2.11"}},
		"database": {Databases: []string{"shop3"}}, "service": {Services: []string{"late-2"}}, "server": {Servers: []string{"db-serv-01"}},
		"source": {Sources: []string{"rare"}}, "address": {Networks: []netip.Prefix{netip.MustParsePrefix("10.3.7.1/32")}},
		"network-16": {Networks: []netip.Prefix{netip.MustParsePrefix("10.3.0.0/16")}},
		"network-8":  {Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	} {
		add(name, gatebook.Query{}, f)
		add(name+"/latest", gatebook.Query{Order: gatebook.ByEndDescending}, f)
		add(name+"/count", gatebook.Query{Count: true}, f)
		f.Since, f.Until = middle, middle+pastWindow*pastApart
		add(name+"/window", gatebook.Query{}, f)
		add(name+"/window/count", gatebook.Query{Count: true}, f)
	}
	add("reason+source", gatebook.Query{}, projection.Filter{Reasons: killed.Reasons, Sources: []string{"rare"}})
	add("share-nothing", gatebook.Query{}, projection.Filter{Services: []string{"early-1"}, Users: []string{"mallory"}})
	add("share-no-time", gatebook.Query{}, projection.Filter{Services: []string{"early-1", "late-1"}, Servers: []string{"db-serv-09"}})
	add("range-95%", gatebook.Query{Skip: sessions / 100 * 95}, projection.Filter{})
	add("range-95%/service", gatebook.Query{Skip: sessions / 1000 * 95}, projection.Filter{Services: []string{"late-2"}})
	then := registry.Moment().Sequence / 2
	add("at", gatebook.Query{AsOf: then}, projection.Filter{})
	add("at/latest", gatebook.Query{AsOf: then, Order: gatebook.ByEndDescending}, projection.Filter{})
	add("at/reason", gatebook.Query{AsOf: then}, killed)
	add("at/count", gatebook.Query{AsOf: then, Count: true}, projection.Filter{})
	add("at/user/count", gatebook.Query{AsOf: then, Count: true}, projection.Filter{Users: []string{"user7"}})
	return all
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

// BenchmarkAsOfJustEnded lists the first page as of a moment at which all sessions were live
// that have ended since the last checkpoint. A checkpoint is due after 10,000 records.
func BenchmarkAsOfJustEnded(b *testing.B) {
	for _, ended := range []int{3_000, 10_000, 100_000} {
		registry, err := gatebook.Open(b.Context(), filepath.Join(b.TempDir(), "data"), gatebook.Options{})
		check(b, err)
		b.Cleanup(func() { check(b, registry.Close()) })
		registry.SuspendCheckpoints()
		report := func(e func(i int) events.Event) {
			for from := 0; from < ended; from += 1000 {
				r := gatebook.Report{Source: "edge-1", Incarnation: "1"}
				for i := from; i < from+1000; i++ {
					r.Events = append(r.Events, gatebook.Reported{Key: fmt.Sprint(i), Event: e(i)})
				}
				_, err := registry.Report(b.Context(), r)
				check(b, err)
			}
		}
		report(func(i int) events.Event {
			return &events.SessionOpened{Service: "orders", Address: fmt.Sprintf("10.0.%d.%d", i/250%250, i%250)}
		})
		present, err := registry.Sessions(gatebook.Query{Live: true, Limit: 1})
		check(b, err)
		asOf := present.Sequence
		report(func(int) events.Event { return &events.SessionClosed{Reason: events.ReasonClientClosed} })
		for name, f := range map[string]projection.Filter{"all": {}, "service": {Services: []string{"orders"}}} {
			b.Run(fmt.Sprintf("ended=%d/%s", ended, name), func(b *testing.B) {
				benchPage(b, registry, gatebook.Query{Live: true, AsOf: asOf, Limit: 100, Filter: f})
			})
		}
	}
}
