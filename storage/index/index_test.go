package index_test

import (
	"cmp"
	"errors"
	"maps"
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

// change is a change to an entry, the keys it is stored under, and those of them that it has
// no more.
type change struct {
	index.Entry
	keys, former []string
	removed      bool
}

// apply writes changes in one update.
func (m *model) apply(t rapid.TB, changes ...change) {
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.ID, b.ID) })
	var u index.Update
	byKey := make(map[string]*index.KeyUpdate)
	for i, c := range changes {
		u.Entries = append(u.Entries, c.Entry)
		for _, key := range c.keys {
			if m.want[key] == nil {
				m.want[key] = make(map[uint64]index.Entry)
			}
			if byKey[key] == nil {
				byKey[key] = &index.KeyUpdate{Key: []byte(key)}
			}
			k, stored := byKey[key], c.Entry
			k.Entries = append(k.Entries, int32(i))
			if stored.Former = slices.Contains(c.former, key); stored.Former {
				k.Former = append(k.Former, int32(i))
			}
			if delete(m.want[key], c.ID); c.removed {
				k.Removed = append(k.Removed, int32(i))
			} else {
				m.want[key][c.ID] = stored
			}
		}
	}
	for _, k := range byKey {
		u.Keys = append(u.Keys, *k)
	}
	if err := index.Apply(m.rows, &u); err != nil {
		t.Fatal(err)
	}
}

// find searches by looking at every entry.
func (m *model) find(q index.Search, match func(index.Entry) bool) []index.Entry {
	seen := m.inAny(q.Groups[0])
	for _, group := range q.Groups[1:] {
		other := m.inAny(group)
		for id, e := range seen {
			if o, both := other[id]; both {
				e.Former = e.Former || o.Former
				seen[id] = e
			} else {
				delete(seen, id)
			}
		}
	}
	maps.DeleteFunc(seen, func(_ uint64, e index.Entry) bool { return !match(e) || e.Former && !q.Former })
	var all []index.Entry
	for _, e := range seen {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b index.Entry) int {
		switch q.Order {
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

// inAny returns the entries under the keys of a group.
func (m *model) inAny(group index.Group) map[uint64]index.Entry {
	all := make(map[uint64]index.Entry)
	for _, key := range group.Keys {
		for id, e := range m.want[string(key)] {
			if o, both := all[id]; both {
				e.Former = e.Former && o.Former
			}
			all[id] = e
		}
	}
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
	modelKeys = []string{"a", "b", "ab", "ca", "cb", "e"}
)

// shared is a key that entries can have beside another one.
const shared = "e"

// draw draws changes to some entries. An entry depends on its id alone, so that it is the
// same under every key.
func draw(t *rapid.T, ids *rapid.Generator[uint64]) []change {
	var changes []change
	for _, id := range rapid.SliceOfNDistinct(ids, 0, 40, rapid.ID).Draw(t, "changed") {
		c := changeOf(id, rapid.SliceOfNDistinct(rapid.SampledFrom(modelKeys), 1, 3, rapid.ID).Draw(t, "keys of it"))
		if rapid.IntRange(0, 9).Draw(t, "removed") == 0 {
			c.removed, c.keys = true, modelKeys
		}
		changes = append(changes, c)
	}
	return changes
}

// changeOf stores the entry of an id under some keys. Of those that are not shared it has one
// at most, whenever it is stored.
func changeOf(id uint64, keys []string) change {
	c := change{Entry: entryOf(id), keys: keys}
	for _, key := range keys {
		if key != shared && key != modelKeys[id%uint64(len(modelKeys)-1)] {
			c.former = append(c.former, key)
		}
	}
	return c
}

// groups draws up to three groups of keys.
func groups(t *rapid.T) (all []index.Group) {
	for range rapid.IntRange(1, 3).Draw(t, "groups") {
		keys := rapid.SliceOfNDistinct(rapid.SampledFrom(modelKeys), 1, 3, rapid.ID).Draw(t, "keys")
		group := index.Group{Disjoint: !slices.Contains(keys, shared) && rapid.Bool().Draw(t, "disjoint")}
		for _, key := range keys {
			group.Keys = append(group.Keys, []byte(key))
		}
		all = append(all, group)
	}
	return all
}

func entryOf(id uint64) index.Entry {
	from, first := int64(id*7919%2000)-20, id*104729%5000+1
	until := from + int64(id*613%900) - 3
	return index.Entry{ID: id, Lost: id%3 == 0, Interval: index.Interval{
		From: from, Until: until, Present: until + int64(id*389%5)*100, First: first, Last: first + id*31%900,
	}}
}

// TestIndexEqualsModel compares searches and counts with looking at every entry, in every
// order and page by page, after any updates.
func TestIndexEqualsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		m := drawModel(r)
		since, until := rapid.Int64Range(0, 2500).Draw(r, "since"), rapid.Int64Range(0, 2500).Draw(r, "until")
		match := func(e index.Entry) bool { return e.Present >= since && e.From <= until }
		q := index.Search{
			Groups: groups(r), Former: rapid.Bool().Draw(r, "former"),
			Match: func(s *index.Summary) bool { return s.MaxPresent >= since && s.MinFrom <= until },
			Number: func(s *index.Summary) (uint64, bool) {
				return s.Count(), s.MinUntil >= since && s.MaxFrom <= until
			},
		}
		for _, q.Order = range orders {
			want := m.find(q, match)
			if got := search(r, m.rows, q, rapid.IntRange(1, 30).Draw(r, "page"), match); !slices.Equal(got, want) {
				r.Fatalf("order %d of %v between %d and %d:\nfound %v\nwant  %v", q.Order, q.Groups, since, until, got, want)
			}
			if n, err := index.Count(m.rows, q); err != nil || n != uint64(len(want)) {
				r.Fatalf("counted %d and error %v, want %d", n, err, len(want))
			}
			if q.Order == index.ByID || q.Order == index.ByIDDescending {
				m.checkPass(r, q, want)
			}
		}
		m.checkWhole(r, q, m.find(q, match))
		m.checkEach(r, q, match)
		m.checkKeys(r)
	})
}

// drawModel draws updates, and applies them.
func drawModel(r *rapid.T) *model {
	m := &model{rows: newMemoryRows(), want: make(map[string]map[uint64]index.Entry)}
	// Near each other, so that leaves overflow, or far apart.
	ids := rapid.SampledFrom([]*rapid.Generator[uint64]{
		rapid.Uint64Range(1, 1500), rapid.Uint64Range(1<<20-300, 1<<20+300), rapid.Uint64Range(1, 1<<48-1),
	}).Draw(r, "ids")
	for i := range rapid.IntRange(0, 2).Draw(r, "filled") {
		var filling []change
		for id := range uint64(700) {
			filling = append(filling, changeOf(uint64(i+2)*id, modelKeys[i:i+5:i+5]))
		}
		m.apply(r, filling...)
	}
	for range rapid.IntRange(1, 4).Draw(r, "updates") {
		m.apply(r, draw(r, ids)...)
	}
	return m
}

// checkPass passes over entries as long as they are below a number, and expects the others.
func (m *model) checkPass(r *rapid.T, q index.Search, want []index.Entry) {
	left := uint64(rapid.IntRange(0, len(want)+2).Draw(r, "passed over"))
	want = want[min(left, uint64(len(want))):]
	q.Pass = func(low, high, n uint64) bool {
		if low > high {
			r.Fatalf("a range from %d to %d", low, high)
		}
		if n > left {
			return false
		}
		left -= n
		return true
	}
	got := search(r, m.rows, q, 7, func(index.Entry) bool { return true })
	if !slices.Equal(got, want) {
		r.Fatalf("order %d of %v:\nfound %v\nwant  %v", q.Order, q.Groups, got, want)
	}
}

// checkWhole counts without a range of ids, which no other range may be counted together
// with.
func (m *model) checkWhole(r *rapid.T, q index.Search, want []index.Entry) {
	first := rapid.Uint64Range(0, 1500).Draw(r, "first excluded")
	last := first + rapid.Uint64Range(0, 300).Draw(r, "excluded")
	q.Whole = func(low, high uint64) bool { return high < first || low > last }
	want = slices.DeleteFunc(want, func(e index.Entry) bool { return e.ID >= first && e.ID <= last })
	if n, err := index.Count(m.rows, q); err != nil || n != uint64(len(want)) {
		r.Fatalf("counted %d without %d to %d and error %v, want %d", n, first, last, err, len(want))
	}
}

// checkEach counts the entries of each of the keys that an entry has one of, and those that
// begin in each part of the time.
func (m *model) checkEach(r *rapid.T, q index.Search, match func(index.Entry) bool) {
	q.Former = false
	beginnings, want := make(map[int64]uint64), make(map[int64]uint64)
	for _, e := range m.find(q, match) {
		want[e.From/100]++
	}
	err := index.CountBy(m.rows, q, func(s *index.Summary) (int64, bool) {
		return s.MinFrom / 100, s.MinFrom/100 == s.MaxFrom/100
	}, func(b int64, n uint64) { beginnings[b] += n })
	maps.DeleteFunc(beginnings, func(_ int64, n uint64) bool { return n == 0 })
	if err != nil || !maps.Equal(beginnings, want) {
		r.Fatalf("%v begin, want %v, error %v", beginnings, want, err)
	}
	keys := modelKeys[:len(modelKeys)-1]
	each := index.Group{}
	for _, key := range keys {
		each.Keys = append(each.Keys, []byte(key))
	}
	filter := q.Groups[:rapid.IntRange(0, 1).Draw(r, "filters")]
	q.Groups = append(filter[:len(filter):len(filter)], each)
	counts, err := index.CountEach(m.rows, q, m.everyHasItsKey())
	for i, key := range keys {
		q.Groups[len(filter)] = index.Group{Keys: [][]byte{[]byte(key)}}
		if want := len(m.find(q, match)); err != nil || counts[i] != uint64(want) {
			r.Fatalf("%d of %q with %v, want %d, error %v", counts[i], key, filter, want, err)
		}
	}
}

// everyHasItsKey reports whether each entry is stored under the key that it has besides the
// shared one.
func (m *model) everyHasItsKey() bool {
	for _, entries := range m.want {
		for id := range entries {
			if _, has := m.want[modelKeys[id%uint64(len(modelKeys)-1)]][id]; !has {
				return false
			}
		}
	}
	return true
}

// checkKeys compares the keys between two of them.
func (m *model) checkKeys(t rapid.TB) {
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

// TestSearchLeavesOutWhatGroupsDoNotShare counts the rows that are read for two indexes, each
// of many entries, that have no id in common.
func TestSearchLeavesOutWhatGroupsDoNotShare(t *testing.T) {
	t.Parallel()
	m := &model{rows: newMemoryRows(), want: make(map[string]map[uint64]index.Entry)}
	var early, late []index.Entry
	for id := range uint64(50_000) {
		early, late = append(early, entryOf(id)), append(late, entryOf(id+70_000))
	}
	for key, entries := range map[string][]index.Entry{"early": early, "late": late} {
		if err := index.Apply(m.rows, update(key, entries...)); err != nil {
			t.Fatal(err)
		}
	}
	rows := &countedRows{Rows: m.rows}
	n, err := index.Count(rows, index.Search{
		Groups: []index.Group{{Keys: [][]byte{[]byte("early")}}, {Keys: [][]byte{[]byte("late")}}},
		Match:  func(*index.Summary) bool { return true },
	})
	if err != nil || n != 0 || rows.read > 20 {
		t.Errorf("counted %d after reading %d rows, with error %v", n, rows.read, err)
	}
}

// countedRows counts the rows that are read.
type countedRows struct {
	index.Rows
	read int
}

func (r *countedRows) Get(key []byte) ([]byte, error) {
	r.read++
	return r.Rows.Get(key)
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
		err := index.Find(rows, index.Search{Groups: []index.Group{{Keys: [][]byte{[]byte("k")}}}, Order: order, Match: func(s *index.Summary) bool {
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
			all := index.Search{Groups: []index.Group{{Keys: [][]byte{key}}}, Match: func(*index.Summary) bool { return true }}
			_, count := index.Count(rows, all)
			find := index.Find(rows, all, func(index.Entry) (bool, error) { return true, nil })
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
				Groups: []index.Group{{Keys: [][]byte{[]byte("k")}}}, Order: order, After: &index.Entry{ID: after, Interval: index.Interval{Until: n}},
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
