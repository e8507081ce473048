package projection_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// A copy that is made piece by piece is of one moment, whatever changes between the pieces.
func TestCopyBesideChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newMoving(t)
		for range rapid.IntRange(100, 500).Draw(t, "sessions") {
			s.open()
		}
		for range 4 {
			want := drawSelection(t)
			want.Pause = func(int) error {
				for range rapid.IntRange(0, 20).Draw(t, "changes") {
					s.change()
				}
				return nil
			}
			got, err := s.state.Copy(want, func() error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if got.Sequence != s.sequence {
				t.Fatalf("the copy is of %d, not of %d", got.Sequence, s.sequence)
			}
			var ids []uint64
			for _, v := range got.Living {
				ids = append(ids, v.ID)
				if v.Session != s.state.Lookup(v.ID) {
					t.Errorf("session %d is not of the moment of the copy", v.ID)
				}
			}
			if expected := s.matching(want); !slices.Equal(ids, expected) {
				t.Fatalf("%+v copies\n%v, want\n%v", want, ids, expected)
			}
		}
	})
}

// moving is a state whose sessions come, change and go.
type moving struct {
	t        *rapid.T
	state    *projection.State
	sequence uint64
	last     uint64 // the highest id
}

func newMoving(t *rapid.T) *moving {
	s := &moving{t: t, state: projection.New(nil)}
	s.record(0, &events.SourceStarted{Source: "gateway", Incarnation: "1"})
	return s
}

func (s *moving) record(id uint64, e events.Event) {
	s.sequence++
	if err := s.state.Apply([]events.Record{{Sequence: s.sequence, Recorded: events.Time(s.sequence), Session: id, Event: e}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *moving) open() {
	s.last++
	s.record(s.last, &events.SessionOpened{
		Source: "gateway", Incarnation: "1", Service: fmt.Sprintf("service %d", s.last%3), Address: fmt.Sprintf("10.0.%d.1", s.last%40),
	})
}

func (s *moving) change() {
	id := rapid.Uint64Range(1, s.last).Draw(s.t, "of")
	if s.state.Lookup(id).Status != projection.Live {
		s.open()
		return
	}
	switch rapid.IntRange(0, 2).Draw(s.t, "change") {
	case 0:
		s.record(id, &events.SessionClosed{Reason: events.ReasonClientClosed})
	case 1:
		s.record(id, &events.SessionReady{User: rapid.SampledFrom([]string{"ann", "bob"}).Draw(s.t, "user")})
	case 2:
		s.state.Observe([]projection.Sample{{Session: id, Activity: projection.ActivityIdle}}, 1)
	}
}

func drawSelection(t *rapid.T) projection.Selection {
	want := projection.Selection{
		Live: true, Descending: rapid.Bool().Draw(t, "descending"), Beyond: rapid.Uint64Range(0, 300).Draw(t, "beyond"),
		Skip: rapid.IntRange(0, 200).Draw(t, "skip"), Limit: rapid.IntRange(0, 200).Draw(t, "limit"),
	}
	f := projection.Filter{}
	switch rapid.IntRange(0, 5).Draw(t, "filter") {
	case 0:
		f.Services = []string{"service 1", "service 2"}
	case 1:
		f.Users = []string{"ann"}
	case 2:
		f.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/20")}
	case 3:
		f.Databases = []string{""}
	case 4:
		f.By = []string{"nobody"}
	default:
		return want
	}
	want.Filter = f.Compile()
	return want
}

// matching returns the ids that a selection selects, found by looking at every session.
func (s *moving) matching(want projection.Selection) (all []uint64) {
	for id := uint64(1); id <= s.last; id++ {
		v := s.state.Lookup(id)
		beyond := want.Beyond == 0 || want.Descending && id < want.Beyond || !want.Descending && id > want.Beyond
		if v.Status == projection.Live && beyond && (want.Filter == nil || want.Filter.Match(v)) {
			all = append(all, id)
		}
	}
	if want.Descending {
		slices.Reverse(all)
	}
	all = all[min(want.Skip, len(all)):]
	if want.Limit > 0 {
		all = all[:min(want.Limit, len(all))]
	}
	return all
}

// A copy by a filter that fits nothing keeps the lock for a piece at a time: the writer gets
// in between.
func TestLongCopyLetsTheWriterIn(t *testing.T) {
	t.Parallel()
	s := projection.New(nil)
	batch := []events.Record{{Sequence: 1, Event: &events.SourceStarted{Source: "gateway", Incarnation: "1"}}}
	const sessions = 20_000
	for id := uint64(1); id <= sessions; id++ {
		batch = append(batch, events.Record{Sequence: id + 1, Session: id, Event: &events.SessionOpened{Source: "gateway", Incarnation: "1", Service: "orders"}})
	}
	if err := s.Apply(batch); err != nil {
		t.Fatal(err)
	}
	waiting := []projection.Activity{projection.ActivityWaiting}
	for name, f := range map[string]projection.Filter{
		"without an index": {Activities: waiting},
		"by an index":      {Services: []string{"orders"}, Activities: waiting},
		"by the clients":   {Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, Activities: waiting},
	} {
		pieces, most := 0, 0
		c, err := s.Copy(projection.Selection{Live: true, Limit: 1, Filter: f.Compile(), Pause: func(visited int) error {
			pieces++
			most = max(most, visited)
			s.Observe(nil, 1) // the writer's lock is to be had
			return nil
		}}, func() error { return nil })
		if err != nil || len(c.Living) != 0 {
			t.Errorf("%s: %d sessions, error %v", name, len(c.Living), err)
		}
		if most > 1024 || name != "by the clients" && pieces < sessions/1024 {
			t.Errorf("%s: %d pieces, the largest of %d sessions", name, pieces, most)
		}
	}
}

// Choosing the networks to look into takes no longer for many networks of clients.
func TestManyNetworks(t *testing.T) {
	t.Parallel()
	s := projection.New(nil)
	batch := []events.Record{{Sequence: 1, Event: &events.SourceStarted{Source: "gateway", Incarnation: "1"}}}
	const sessions = 50_000
	for id := uint64(1); id <= sessions; id++ {
		batch = append(batch, events.Record{Sequence: id + 1, Session: id, Event: &events.SessionOpened{
			Source: "gateway", Incarnation: "1", Service: "orders", Address: fmt.Sprintf("%d.%d.%d.7", 10+id>>16, id>>8&255, id&255),
		}})
	}
	if err := s.Apply(batch); err != nil {
		t.Fatal(err)
	}
	var f projection.Filter
	for i := range 250 {
		f.Networks = append(f.Networks, netip.MustParsePrefix(fmt.Sprintf("%d.0.0.0/9", 100+i%100)))
	}
	f.Networks = append(f.Networks, netip.MustParsePrefix("10.0.250.0/23"), netip.MustParsePrefix("10.3.0.7/32"))
	best := time.Hour
	for range 3 {
		begun := time.Now()
		c, err := s.Copy(projection.Selection{Live: true, Limit: 1, Filter: f.Compile()}, func() error { return nil })
		if err != nil || len(c.Living) != 1 || c.Living[0].Address() != "10.0.250.7" {
			t.Fatalf("copied %v, error %v", c.Living, err)
		}
		best = min(best, time.Since(begun))
	}
	// A walk over all networks for each one that is asked for takes a hundred times as long.
	if best > 50*time.Millisecond {
		t.Errorf("it takes %s", best)
	}
}
