package projection_test

import (
	"cmp"
	"errors"
	"reflect"
	"slices"

	"pgregory.net/rapid"

	"gatebook/projection"
)

// check compares the answers of every reader of a state and of its archive with those
// of the model.
func check(t rapid.TB, s *projection.State, b *fakeArchive, m *model) {
	t.Helper()
	m.observations = s.Moment().Observations // they are of the process, and not recorded
	want := m.moment()
	equal(t, "moment", s.Moment(), want)
	sequence, recorded := s.Sequence()
	equal(t, "sequence", sequence, m.sequence)
	equal(t, "recorded", recorded, m.recorded)
	var highest uint64
	for _, v := range m.sessions {
		highest = max(highest, v.ID)
		checkSession(t, s, b, v, want)
	}
	equal(t, "last id", s.LastID(), highest)
	_, moment, err := s.Session(highest+1, func() error { return errAsked })
	if !errors.Is(err, errAsked) || moment != want || s.Lookup(highest+1) != nil {
		t.Fatalf("session %d is found at %+v, error %v", highest+1, moment, err)
	}
	counts := make(map[string]projection.LiveCounts)
	for _, v := range m.of(projection.Live) {
		of := counts[v.Origin.Service]
		of[v.Stage]++
		counts[v.Origin.Service] = of
	}
	equal(t, "live sessions by service and stage", s.LiveCounts(), counts)
	checkCopies(t, s, b, m)
	checkPages(t, s, m)
	checkEntities(t, s, m)
	checkSources(t, s, m)
	checkKeys(t, s, b, m)
	checkChanges(t, s, m)
}

// errAsked is an error that a reader must return as it is.
var errAsked = errors.New("asked")

func checkSession(t rapid.TB, s *projection.State, b *fakeArchive, want *session, at projection.Moment) {
	t.Helper()
	inMemory := s.Lookup(want.ID)
	v, moment, err := s.Session(want.ID, func() error { return errAsked })
	equal(t, "moment of a session", moment, at)
	if v.Session != inMemory || errors.Is(err, errAsked) != (inMemory == nil) {
		t.Fatalf("session %d is returned as %v with error %v, looked up it is %v", want.ID, v.Session, err, inMemory)
	}
	if inMemory == nil {
		if want.Status == projection.Live {
			t.Fatalf("live session %d is not in memory", want.ID)
		}
		if inMemory, err = b.archive(want.ID); err != nil || inMemory == nil {
			t.Fatalf("session %d is neither in memory nor in the archive, error %v", want.ID, err)
		}
	}
	equal(t, "session", seen(inMemory), want)
}

// checkCopies copies sessions of every set of statuses, and adds those of the archive
// that memory does not supersede.
func checkCopies(t rapid.TB, s *projection.State, b *fakeArchive, m *model) {
	t.Helper()
	for choice := range 8 {
		want := projection.Selection{Live: choice&1 != 0, Closed: choice&2 != 0, Lost: choice&4 != 0}
		var statuses []projection.Status
		for _, status := range []projection.Status{projection.Live, projection.Closed, projection.Lost} {
			if want.Has(status) {
				statuses = append(statuses, status)
			}
		}
		var archived []*session
		c, err := s.Copy(want, func() error {
			for _, table := range []string{projection.TableClosed, projection.TableLost} {
				if want.Closed && table == projection.TableClosed || want.Lost && table == projection.TableLost {
					for _, v := range b.sessions(t, table) {
						archived = append(archived, seen(v))
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "moment of a copy", c.Moment, m.moment())
		var got []*session
		for i, v := range c.Living {
			if i > 0 && c.Living[i-1].ID >= v.ID {
				t.Fatalf("session %d is copied after %d", v.ID, c.Living[i-1].ID)
			}
		}
		for _, v := range c.Living {
			got = append(got, seen(v.Session))
		}
		for _, v := range endedOf(t, c, projection.EndedWalk{}) {
			if want.Has(v.Status) {
				got = append(got, seen(v))
			}
		}
		for _, v := range archived {
			if !c.Ended.Supersedes(v.ID, v.Version) {
				got = append(got, v)
			}
		}
		slices.SortFunc(got, func(a, b *session) int { return int(a.ID) - int(b.ID) })
		equal(t, "copies and archive", got, m.of(statuses...))
	}
}

func checkPages(t rapid.TB, s *projection.State, m *model) {
	t.Helper()
	live := m.of(projection.Live)
	n := len(live)
	for _, skip := range []int{0, 1, n / 2, n, n + 1} {
		for _, limit := range []int{0, 1, 2, n} {
			c, err := s.Copy(projection.Selection{Live: true, Skip: skip, Limit: limit}, func() error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			want := live[min(skip, n):]
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			if len(c.Living) != len(want) {
				t.Fatalf("skip %d and limit %d of %d give %d", skip, limit, n, len(c.Living))
			}
			for i, v := range c.Living {
				equal(t, "page", seen(v.Session), want[i])
			}
		}
	}
}

func checkEntities(t rapid.TB, s *projection.State, m *model) {
	t.Helper()
	services, servers, _ := m.counted()
	gotServices, moment := s.Services()
	equal(t, "moment of services", moment, m.moment())
	equal(t, "services", values(gotServices), services)
	gotServers, moment := s.Servers()
	equal(t, "moment of servers", moment, m.moment())
	equal(t, "servers", values(gotServers), servers)
	for _, source := range sourceNames {
		own, all := s.Named(source)
		var want projection.Named
		for _, v := range services {
			if same(v.NamedBy, source) {
				want.Services++
			}
		}
		for _, v := range servers {
			if same(v.NamedBy, source) {
				want.Servers++
			}
		}
		equal(t, "names of "+source, own, want)
		equal(t, "names", all, projection.Named{Services: len(services), Servers: len(servers)})
	}
	for _, name := range serviceNames {
		got, _ := s.Service(name)
		equal(t, "service "+name, got, named(services, name, func(v *projection.Service) string { return v.Name }))
	}
	for _, name := range serverNames {
		got, _ := s.Server(name)
		equal(t, "server "+name, got, named(servers, name, func(v *projection.Server) string { return v.Name }))
	}
}

func checkSources(t rapid.TB, s *projection.State, m *model) {
	t.Helper()
	_, _, sources := m.counted()
	gotSources, moment := s.Sources()
	equal(t, "moment of sources", moment, m.moment())
	equal(t, "sources", values(gotSources), sources)
	for _, name := range sourceNames {
		got, _ := s.Source(name)
		equal(t, "source "+name, got, named(sources, name, func(v *projection.Source) string { return v.Name }))
		var live []*session
		for _, v := range s.LiveOf(name) {
			live = append(live, seen(v))
		}
		want := slices.DeleteFunc(m.of(projection.Live), func(v *session) bool { return !same(v.Origin.Source, name) })
		if len(want) == 0 {
			want = nil
		}
		equal(t, "live sessions of "+name, live, want)
		equal(t, "has live sessions", s.HasLive(name), len(want) > 0)
	}
}

// checkChanges compares the last change of the sessions that a filter can match.
func checkChanges(t rapid.TB, s *projection.State, m *model) {
	t.Helper()
	for _, f := range []projection.Filter{
		{Services: []string{"orders"}},
		{Services: []string{"ORDERS", "bills"}},
		{Servers: []string{"DB-1"}},
		{Sources: []string{"edge-1"}},
		{Services: []string{"bills"}, Servers: []string{"db-1", "db-2"}, Sources: []string{"gateway"}, Users: []string{"jdoe"}},
		{Services: []string{"orders", "nobody's"}},
		{Users: []string{"jdoe"}},
	} {
		c, err := s.Copy(projection.Selection{Live: true, Closed: true, Lost: true, Filter: f.Compile()}, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		want := m.moment()
		want.Sessions = m.lastChange(&f)
		equal(t, "moment of a copy by a filter", c.Moment, want)
	}
}

// checkKeys looks for every session by its source key.
func checkKeys(t rapid.TB, s *projection.State, b *fakeArchive, m *model) {
	t.Helper()
	for _, v := range m.sessions {
		if v.Key == "" {
			continue
		}
		id := s.IDBySourceKey(v.Origin.Source, v.Origin.Incarnation, v.Key)
		if s.Lookup(v.ID) == nil {
			equal(t, "key in memory of a session that is not", id, 0)
			row := b.tables[projection.TableSourceKeys][string(projection.SourceKeyRow(v.Origin.Source, v.Origin.Incarnation, v.Key))]
			equal(t, "row of key "+v.Key, row, projection.IDKey(v.ID))
			continue
		}
		equal(t, "session of key "+v.Key, id, v.ID)
		all := s.SessionsWithSourceKey(v.Origin.Source, v.Origin.Incarnation, v.Status)
		var want []*projection.Session
		for _, other := range m.sessions {
			if other.Key != "" && other.Status == v.Status && same(other.Origin.Source, v.Origin.Source) && other.Origin.Incarnation == v.Origin.Incarnation {
				if in := s.Lookup(other.ID); in != nil {
					want = append(want, in)
				}
			}
		}
		slices.SortFunc(want, func(a, b *projection.Session) int { return cmp.Compare(a.ID, b.ID) })
		equal(t, "sessions in memory with keys", all, want)
	}
	equal(t, "an unknown key", s.IDBySourceKey("gateway", "1", "nobody's"), 0)
}

// named returns the element of that name; nil if there is none.
func named[T any](all []T, name string, nameOf func(*T) string) *T {
	for i := range all {
		if same(nameOf(&all[i]), name) {
			return &all[i]
		}
	}
	return nil
}

func values[T any](pointers []*T) []T {
	var all []T
	for _, p := range pointers {
		all = append(all, *p)
	}
	return all
}

func equal[T any](t rapid.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, show(got), show(want))
	}
}

// show returns the values behind pointers.
func show(v any) any {
	switch v := v.(type) {
	case *session:
		return *v
	case []*session:
		return values(v)
	}
	return v
}
