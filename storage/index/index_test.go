package index_test

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatebook/storage/index"
)

// model holds indexes beside maps of what should be in them.
type model struct {
	rows *memoryRows
	want map[string]map[uint64]index.Entry
}

// change is a change to an entry, and the keys it is stored under.
type change struct {
	index.Entry
	keys []string
}

// apply writes changes in one update.
func (m *model) apply(t rapid.TB, changes ...change) {
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.ID, b.ID) })
	var u index.Update
	byKey := make(map[string][]int32)
	for i, c := range changes {
		u.Entries = append(u.Entries, c.Entry)
		for _, key := range c.keys {
			byKey[key] = append(byKey[key], int32(i))
			if m.want[key] == nil {
				m.want[key] = make(map[uint64]index.Entry)
			}
			if delete(m.want[key], c.ID); !c.Removed {
				m.want[key][c.ID] = c.Entry
			}
		}
	}
	for key, entries := range byKey {
		u.Keys = append(u.Keys, index.KeyUpdate{Key: []byte(key), Entries: entries})
	}
	if err := index.Apply(m.rows, &u); err != nil {
		t.Fatal(err)
	}
}

// find searches by looking at every entry.
func (m *model) find(keys [][]byte, order index.Order, match func(index.Entry) bool) []index.Entry {
	seen := make(map[uint64]index.Entry)
	for _, key := range keys {
		for id, e := range m.want[string(key)] {
			if match(e) {
				seen[id] = e
			}
		}
	}
	var all []index.Entry
	for _, e := range seen {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b index.Entry) int {
		switch order {
		case index.ByIDDescending:
			return cmp.Compare(b.ID, a.ID)
		case index.ByUntil:
			return cmp.Or(cmp.Compare(a.Until, b.Until), cmp.Compare(a.ID, b.ID))
		case index.ByUntilDescending:
			return cmp.Or(cmp.Compare(b.Until, a.Until), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return all
}

// search returns everything that a search finds, read in pages of a few entries.
func search(t rapid.TB, rows index.Reader, q index.Search, page int, match func(index.Entry) bool) []index.Entry {
	var all []index.Entry
	for {
		n := 0
		err := index.Find(rows, q, func(e index.Entry) (bool, error) {
			q.After = &e
			if match(e) {
				all = append(all, e)
			}
			n++
			return n < page, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n < page {
			return all
		}
	}
}

var (
	orders    = []index.Order{index.ByID, index.ByIDDescending, index.ByUntil, index.ByUntilDescending}
	modelKeys = []string{"a", "b", "ab", "ca", "cb"}
)

// draw draws changes to some entries. An entry depends on its id alone, so that it is the
// same under every key.
func draw(t *rapid.T, ids *rapid.Generator[uint64]) []change {
	var changes []change
	for _, id := range rapid.SliceOfNDistinct(ids, 0, 40, rapid.ID).Draw(t, "changed") {
		c := change{Entry: entryOf(id), keys: rapid.SliceOfNDistinct(rapid.SampledFrom(modelKeys), 1, 3, rapid.ID).Draw(t, "keys of it")}
		c.Removed = rapid.IntRange(0, 9).Draw(t, "removed") == 0
		changes = append(changes, c)
	}
	return changes
}

func entryOf(id uint64) index.Entry {
	from, first := int64(id*7919%2000)-20, id*104729%5000+1
	until := from + int64(id*613%900) - 3
	return index.Entry{ID: id, Lost: id%3 == 0, Interval: index.Interval{
		From: from, Until: until, Present: until + int64(id*389%5)*100, First: first, Last: first + id*31%900,
	}}
}

// TestIndexEqualsModel compares searches with looking at every entry, in every order
// and page by page, after any updates.
func TestIndexEqualsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		m := &model{rows: newMemoryRows(), want: make(map[string]map[uint64]index.Entry)}
		// Near each other, so that leaves overflow, or far apart.
		ids := rapid.SampledFrom([]*rapid.Generator[uint64]{
			rapid.Uint64Range(1, 1500), rapid.Uint64Range(1<<20-300, 1<<20+300), rapid.Uint64Range(1, 1<<48-1),
		}).Draw(r, "ids")
		if rapid.Bool().Draw(r, "filled") {
			var filling []change
			for id := range uint64(700) {
				filling = append(filling, change{entryOf(2 * id), []string{"a"}})
			}
			m.apply(r, filling...)
		}
		for range rapid.IntRange(1, 4).Draw(r, "updates") {
			m.apply(r, draw(r, ids)...)
		}
		since, until := rapid.Int64Range(0, 2500).Draw(r, "since"), rapid.Int64Range(0, 2500).Draw(r, "until")
		var keys [][]byte
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(modelKeys), 1, 3, rapid.ID).Draw(r, "keys") {
			keys = append(keys, []byte(key))
		}
		match := func(e index.Entry) bool { return e.Present >= since && e.From <= until }
		for _, order := range orders {
			q := index.Search{Keys: keys, Order: order, Match: func(s *index.Summary) bool { return s.MaxPresent >= since && s.MinFrom <= until }}
			got := search(r, m.rows, q, rapid.IntRange(1, 30).Draw(r, "page"), match)
			if want := m.find(keys, order, match); !slices.Equal(got, want) {
				r.Fatalf("order %d of %q between %d and %d:\nfound %v\nwant  %v", order, keys, since, until, got, want)
			}
		}
		m.checkKeys(r)
	})
}

// checkKeys compares the counts, and the keys between two of them.
func (m *model) checkKeys(t rapid.TB) {
	for _, key := range modelKeys {
		if n, err := index.Count(m.rows, []byte(key)); err != nil || n != uint64(len(m.want[key])) {
			t.Errorf("%q counts %d entries and error %v, want %d", key, n, err, len(m.want[key]))
		}
	}
	var got, want []string
	if err := index.Keys(m.rows, []byte("ab"), []byte("ca"), func(key []byte) bool { got = append(got, string(key)); return true }); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ab", "ca"} {
		if m.want[key] != nil {
			want = append(want, key)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the keys are %q, want %q", got, want)
	}
}

// TestSearchReadsItsPage searches a window in the middle of many entries, and counts
// the summaries it looks at.
func TestSearchReadsItsPage(t *testing.T) {
	t.Parallel()
	rows := newMemoryRows()
	const n = 100_000
	entries := make([]index.Entry, n)
	for i := range entries {
		id := uint64(i + 1)
		entries[i] = index.Entry{ID: id, Interval: index.Interval{From: int64(id), Until: int64(id) + 10, Present: int64(id) + 10, First: id, Last: id + 1}}
	}
	if err := index.Apply(rows, update("k", entries...)); err != nil {
		t.Fatal(err)
	}
	for _, order := range orders {
		looked, found := 0, 0
		err := index.Find(rows, index.Search{Keys: [][]byte{[]byte("k")}, Order: order, Match: func(s *index.Summary) bool {
			looked++
			return s.MaxUntil >= n/2 && s.MinFrom <= n/2+1000
		}}, func(index.Entry) (bool, error) {
			found++
			return found < 100, nil
		})
		if err != nil || found != 100 || looked > 4000 {
			t.Errorf("order %d: found %d entries, looked at %d summaries of %d entries, error %v", order, found, looked, n, err)
		}
	}
}

// update returns an update of entries under one key.
func update(key string, entries ...index.Entry) *index.Update {
	u := &index.Update{Entries: entries, Keys: []index.KeyUpdate{{Key: []byte(key)}}}
	for i := range entries {
		u.Keys[0].Entries = append(u.Keys[0].Entries, int32(i))
	}
	return u
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, u := range []*index.Update{
		update("k", index.Entry{ID: math.MaxUint64}),
		update(strings.Repeat("k", 65), index.Entry{ID: 1}),
	} {
		if err := index.Apply(newMemoryRows(), u); err == nil {
			t.Errorf("%v was written", u)
		}
	}
}

// TestErrors damages the row of a node, and makes the rows fail.
func TestErrors(t *testing.T) {
	t.Parallel()
	failure := errors.New("the rows fail")
	for _, c := range []struct {
		name string
		rows func() index.Rows
		is   func(error) bool
	}{
		{"a row that is no node", func() index.Rows {
			rows := newMemoryRows()
			if err := index.Apply(rows, update("k", entryOf(1))); err != nil {
				t.Fatal(err)
			}
			rows.values[rows.keys[0]] = []byte{7}
			return rows
		}, func(err error) bool {
			var malformed *index.MalformedError
			return errors.As(err, &malformed) && strings.Contains(err.Error(), "016b00000000000000")
		}},
		{"rows that fail", func() index.Rows { return failingRows{failure} }, func(err error) bool { return errors.Is(err, failure) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, key := c.rows(), []byte("k")
			_, count := index.Count(rows, key)
			find := index.Find(rows, index.Search{Keys: [][]byte{key}, Match: func(*index.Summary) bool { return true }},
				func(index.Entry) (bool, error) { return true, nil })
			for call, err := range map[string]error{"count": count, "find": find, "apply": index.Apply(rows, update("k", entryOf(2)))} {
				if !c.is(err) {
					t.Errorf("%s: got error %v", call, err)
				}
			}
		})
	}
	if err := index.Keys(failingRows{failure}, []byte("a"), []byte("b"), nil); !errors.Is(err, failure) {
		t.Errorf("keys: got error %v", err)
	}
}

// FuzzNode decodes any bytes: they are a node or refused.
func FuzzNode(f *testing.F) {
	f.Add([]byte{0, 0}, 0)
	f.Add([]byte{0, 2, 2, 1, 3, 1, 2, 1, 1, 4, 0, 0, 0, 0}, 0)
	f.Add([]byte{1, 1, 7, 1, 0, 2, 1, 2, 1, 1, 1, 1}, 3)
	f.Fuzz(func(t *testing.T, b []byte, level int) {
		if n, ok := index.DecodeNode(b, min(max(level, 0), 5)); ok && n > 256 {
			t.Errorf("a node of %d", n)
		}
	})
}

// TestSearchAmongEqualEnds reads a page of many entries that end at the same time, and
// counts the summaries it looks at, from several places.
func TestSearchAmongEqualEnds(t *testing.T) {
	t.Parallel()
	rows := newMemoryRows()
	const n = 50_000
	entries := make([]index.Entry, n)
	for i := range entries {
		id := uint64(i + 1)
		entries[i] = index.Entry{ID: id, Interval: index.Interval{From: int64(id), Until: n, Present: n, First: id, Last: id + 1}}
	}
	if err := index.Apply(rows, update("k", entries...)); err != nil {
		t.Fatal(err)
	}
	for _, order := range []index.Order{index.ByUntil, index.ByUntilDescending} {
		for _, after := range []uint64{0, n / 2, n - 50} {
			looked, found := 0, after
			q := index.Search{
				Keys: [][]byte{[]byte("k")}, Order: order, After: &index.Entry{ID: after, Interval: index.Interval{Until: n}},
				Match: func(*index.Summary) bool { looked++; return true },
			}
			err := index.Find(rows, q, func(e index.Entry) (bool, error) {
				if found++; e.ID != found {
					t.Fatalf("order %d: found %d, want %d", order, e.ID, found)
				}
				return found < after+100, nil
			})
			if want := min(after+100, n); err != nil || found != want || looked > 1500 {
				t.Errorf("order %d after %d: found up to %d, looked at %d summaries, error %v; want up to %d", order, after, found, looked, err, want)
			}
		}
	}
}
