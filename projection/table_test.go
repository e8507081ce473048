package projection

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
)

// ids draws ids at the ends of pages, between them and far apart.
func ids() *rapid.Generator[uint64] {
	return rapid.OneOf(
		rapid.Uint64Range(0, 3*pageSize),
		rapid.SampledFrom([]uint64{0, 1, pageSize - 1, pageSize, pageSize + 1, 2 * pageSize, 1 << 40, 1<<64 - 1}),
	)
}

// TestTable compares a table with a map.
func TestTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var table table
		model := make(map[uint64]*Session)
		check := func() {
			sorted := slices.Sorted(maps.Keys(model))
			if table.count != len(sorted) {
				t.Fatalf("it counts %d of %d", table.count, len(sorted))
			}
			checkPages(t, &table)
			id, skip, limit := ids().Draw(t, "from"), rapid.IntRange(0, 2*pageSize).Draw(t, "skip"), rapid.IntRange(1, 2*pageSize).Draw(t, "limit")
			want := slices.DeleteFunc(slices.Clone(sorted), func(k uint64) bool { return k < id })
			want = want[min(skip, len(want)):]
			want = want[:min(limit, len(want))]
			got := make([]uint64, 0, len(want))
			table.ascend(id, skip, endOfTime, func(s *Session) bool {
				if s != model[s.ID] {
					t.Fatalf("session %d is not the one that was put last", s.ID)
				}
				got = append(got, s.ID)
				return len(got) < limit
			})
			if !slices.Equal(got, want) {
				t.Fatalf("from %d, skip %d, limit %d of %v: got %v", id, skip, limit, sorted, got)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				s := &Session{ID: ids().Draw(t, "id")}
				table.put(s)
				model[s.ID] = s
			},
			"put many": func(t *rapid.T) {
				first := ids().Draw(t, "first")
				for i := range rapid.Uint64Range(1, 2*pageSize).Draw(t, "count") {
					s := &Session{ID: first + i}
					table.put(s)
					model[s.ID] = s
				}
			},
			"remove": func(t *rapid.T) {
				id := ids().Draw(t, "id")
				table.remove(id)
				delete(model, id)
			},
			"remove many": func(t *rapid.T) {
				first := ids().Draw(t, "first")
				for i := range rapid.Uint64Range(1, 2*pageSize).Draw(t, "count") {
					table.remove(first + i)
					delete(model, first+i)
				}
			},
			"get": func(t *rapid.T) {
				if id := ids().Draw(t, "id"); table.get(id) != model[id] {
					t.Fatalf("session %d is %v, want %v", id, table.get(id), model[id])
				}
			},
			"": func(*rapid.T) { check() },
		})
	})
}

// checkPages checks that pages are in order and none is empty.
func checkPages(t *rapid.T, table *table) {
	d := table.directory()
	if len(d.pages) != len(d.bases) || !slices.IsSorted(d.bases) {
		t.Fatalf("%d pages with bases %v", len(d.pages), d.bases)
	}
	for i, p := range d.pages {
		used := 0
		for slot := range p.slots {
			s := p.slots[slot].Load()
			if s == nil {
				continue
			}
			if used++; s.ID != d.bases[i]+uint64(slot) {
				t.Fatalf("session %d is in slot %d of page %d", s.ID, slot, d.bases[i])
			}
		}
		if used == 0 || used != p.used {
			t.Fatalf("page %d counts %d of %d", d.bases[i], p.used, used)
		}
	}
}

// TestTableBesideTheWriter reads while pages come and go. A session that stays is
// always found, and never another one in its place.
func TestTableBesideTheWriter(t *testing.T) {
	t.Parallel()
	var table table
	const kept = 3 * pageSize // every third of these stays
	for id := uint64(0); id < kept; id += 3 {
		table.put(&Session{ID: id})
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := uint64(0); !done.Load(); i++ {
				id := i % (6 * pageSize)
				s := table.get(id)
				if s == nil && id < kept && id%3 == 0 || s != nil && s.ID != id {
					t.Errorf("session %d is %v", id, s)
					return
				}
			}
		})
	}
	for range 200 {
		for id := uint64(1); id < 6*pageSize; id++ {
			if id >= kept || id%3 != 0 {
				table.put(&Session{ID: id})
			}
		}
		for id := uint64(1); id < 6*pageSize; id++ {
			if id >= kept || id%3 != 0 {
				table.remove(id)
			}
		}
	}
	done.Store(true)
	readers.Wait()
}

// TestTrail extends trails and reads them.
func TestTrail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		atLeast := rapid.SampledFrom([]int{0, 1, 70}).Draw(t, "at least")
		steps := rapid.SliceOfN(rapid.OneOf(rapid.Uint64Range(1, 300), rapid.Uint64Range(1, 1<<50)), atLeast, 100).Draw(t, "steps")
		var s Session
		var want []uint64
		for _, step := range steps {
			before := s.trail
			next := s.Version + step
			s.trail = extend(s.trail, s.Version, next)
			if s.trail[:len(before)] != before {
				t.Fatalf("%x became %x", before, s.trail)
			}
			s.Version = next
			want = append(want, next)
		}
		if got := slices.Collect(s.Trail()); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if len(want) == 0 {
			want = []uint64{0}
		}
		if first := s.First(); first != want[0] {
			t.Fatalf("the first is %d, want %d", first, want[0])
		}
	})
}

// TestTrailEnds reads a truncated trail, and stops reading early.
func TestTrailEnds(t *testing.T) {
	t.Parallel()
	s := Session{trail: extend(extend(extend("", 0, 5), 5, 7), 7, 1000)}
	s.trail = s.trail[:len(s.trail)-1]
	if got := slices.Collect(s.Trail()); !slices.Equal(got, []uint64{5, 7}) {
		t.Errorf("cut short: %v", got)
	}
	var got []uint64
	for sequence := range s.Trail() {
		if got = append(got, sequence); sequence == 5 {
			break
		}
	}
	if !slices.Equal(got, []uint64{5}) {
		t.Errorf("ended at 5: %v", got)
	}
}

// TestTablePassesOverLaterPages visits the sessions that were opened by a time, in both directions. A
// page without any is left out, also after its first session has left.
func TestTablePassesOverLaterPages(t *testing.T) {
	t.Parallel()
	const most = 70 // that two sessions opened out of their order
	rapid.Check(t, func(t *rapid.T) {
		var table table
		model := make(map[uint64]*Session)
		for range rapid.IntRange(0, 200).Draw(t, "changes") {
			s := &Session{ID: rapid.Uint64Range(1, 4*pageSize).Draw(t, "id")}
			if before := model[s.ID]; before != nil {
				s.Opened = before.Opened // the opening of a session never changes
			} else {
				s.Opened = events.Time(s.ID) + events.Time(rapid.Int64Range(-most, most).Draw(t, "jitter"))
			}
			if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				table.remove(s.ID)
				delete(model, s.ID)
				continue
			}
			table.put(s)
			model[s.ID] = s
		}
		until := events.Time(rapid.Int64Range(-80, 5*pageSize).Draw(t, "until"))
		var want []uint64
		for id, s := range model {
			if s.Opened <= until {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		var got []uint64
		visit := func(s *Session) bool {
			if s.Opened <= until {
				got = append(got, s.ID)
			} else if s.Opened > until+pageSize+2*most {
				t.Fatalf("session %d opened at %d, far after %d, was visited", s.ID, s.Opened, until)
			}
			return true
		}
		table.ascend(0, 0, until, visit)
		if !slices.Equal(got, want) {
			t.Fatalf("up: got %v, want %v", got, want)
		}
		got = nil
		table.descend(1<<64-1, until, visit)
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Fatalf("down: got %v, want %v", got, want)
		}
	})
}
