package storage_test

import (
	"cmp"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatebook/storage"
)

// catalogue are indexes beside what should be in them.
type catalogue struct {
	book     *storage.Book
	position uint64
	want     map[string]map[uint64]storage.Mark
}

// filed is a change to an entry, and the keys it is under.
type filed struct {
	storage.Mark
	keys []string
}

// put makes changes in one commit.
func (s *catalogue) put(t rapid.TB, changes ...filed) {
	slices.SortFunc(changes, func(a, b filed) int { return cmp.Compare(a.ID, b.ID) })
	var marks storage.Marks
	under := make(map[string][]int32)
	for i, c := range changes {
		marks.Entries = append(marks.Entries, c.Mark)
		for _, key := range c.keys {
			under[key] = append(under[key], int32(i))
			if s.want[key] == nil {
				s.want[key] = make(map[uint64]storage.Mark)
			}
			if delete(s.want[key], c.ID); !c.Gone {
				s.want[key][c.ID] = c.Mark
			}
		}
	}
	for key, entries := range under {
		marks.Under = append(marks.Under, storage.Under{Key: []byte(key), Entries: entries})
	}
	s.position++
	if err := s.book.Commit(s.position, nil, marks); err != nil {
		t.Fatal(err)
	}
}

// find is a search by looking through everything.
func (s *catalogue) find(keys [][]byte, order storage.Order, has func(storage.Mark) bool) []storage.Mark {
	seen := make(map[uint64]storage.Mark)
	for _, key := range keys {
		for id, m := range s.want[string(key)] {
			if has(m) {
				seen[id] = m
			}
		}
	}
	var all []storage.Mark
	for _, m := range seen {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b storage.Mark) int {
		switch order {
		case storage.ByIDDescending:
			return cmp.Compare(b.ID, a.ID)
		case storage.ByUntil:
			return cmp.Or(cmp.Compare(a.Until, b.Until), cmp.Compare(a.ID, b.ID))
		case storage.ByUntilDescending:
			return cmp.Or(cmp.Compare(b.Until, a.Until), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return all
}

// search reads everything that a search finds, in pages of a few entries.
func search(t rapid.TB, book *storage.Book, q storage.Search, page int, has func(storage.Mark) bool) []storage.Mark {
	var all []storage.Mark
	for {
		snapshot, err := book.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = snapshot.Search(q, func(m storage.Mark) (bool, error) {
			q.After = &m
			if has(m) {
				all = append(all, m)
			}
			n++
			return n < page, nil
		})
		if err := errors.Join(err, snapshot.Close()); err != nil {
			t.Fatal(err)
		}
		if n < page {
			return all
		}
	}
}

var catalogueKeys = []string{"a", "b", "ab", "ca", "cb"}

// draw draws changes to some entries. What an entry is hangs on its id alone: it is
// the same under every key.
func draw(t *rapid.T, ids *rapid.Generator[uint64]) []filed {
	var changes []filed
	for _, id := range rapid.SliceOfNDistinct(ids, 0, 40, rapid.ID).Draw(t, "changed") {
		c := filed{Mark: spanned(id), keys: rapid.SliceOfNDistinct(rapid.SampledFrom(catalogueKeys), 1, 3, rapid.ID).Draw(t, "keys of it")}
		c.Gone = rapid.IntRange(0, 9).Draw(t, "gone") == 0
		changes = append(changes, c)
	}
	return changes
}

func spanned(id uint64) storage.Mark {
	from, first := int64(id*7919%2000)-20, id*104729%5000+1
	return storage.Mark{ID: id, Lost: id%3 == 0, Span: storage.Span{
		From: from, Until: from + int64(id*613%900) - 3, First: first, Last: first + id*31%900,
	}}
}

// Whatever was put into indexes and taken out, a search finds what looking through
// everything finds, in the same order, page by page.
func TestIndexIsWhatTheModelSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := &catalogue{book: newBook(r, filepath.Join(t.TempDir(), "book.db")), want: make(map[string]map[uint64]storage.Mark)}
		defer s.book.Close()
		// Near each other, so that leaves overflow, or far apart.
		ids := rapid.SampledFrom([]*rapid.Generator[uint64]{
			rapid.Uint64Range(1, 1500), rapid.Uint64Range(1<<20-300, 1<<20+300), rapid.Uint64Range(1, 1<<48-1),
		}).Draw(r, "ids")
		if rapid.Bool().Draw(r, "crowded") {
			var crowd []filed
			for id := range uint64(700) {
				crowd = append(crowd, filed{spanned(2 * id), []string{"a"}})
			}
			s.put(r, crowd...)
		}
		for range rapid.IntRange(1, 4).Draw(r, "commits") {
			s.put(r, draw(r, ids)...)
		}
		since, until := rapid.Int64Range(0, 2500).Draw(r, "since"), rapid.Int64Range(0, 2500).Draw(r, "until")
		var keys [][]byte
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(catalogueKeys), 1, 3, rapid.ID).Draw(r, "keys") {
			keys = append(keys, []byte(key))
		}
		in := func(m storage.Mark) bool { return m.Until >= since && m.From <= until }
		for _, order := range []storage.Order{storage.ByID, storage.ByIDDescending, storage.ByUntil, storage.ByUntilDescending} {
			q := storage.Search{Keys: keys, Order: order, Has: func(s *storage.Sum) bool { return s.MaxUntil >= since && s.MinFrom <= until }}
			got := search(r, s.book, q, rapid.IntRange(1, 30).Draw(r, "page"), in)
			if want := s.find(keys, order, in); !slices.EqualFunc(got, want, func(a, b storage.Mark) bool { return a.ID == b.ID && a.Span == b.Span && a.Lost == b.Lost }) {
				r.Fatalf("order %d of %q between %d and %d:\nfound %v\nwant  %v", order, keys, since, until, got, want)
			}
		}
		s.checkKeys(r)
	})
}

// checkKeys compares counts, and the keys between two of them.
func (s *catalogue) checkKeys(t rapid.TB) {
	snapshot, err := s.book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	for _, key := range catalogueKeys {
		if n, err := snapshot.Count([]byte(key)); err != nil || n != uint64(len(s.want[key])) {
			t.Errorf("%q counts %d where there are %d, %v", key, n, len(s.want[key]), err)
		}
	}
	var got, want []string
	if err := snapshot.Keys([]byte("ab"), []byte("ca"), func(key []byte) bool { got = append(got, string(key)); return true }); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ab", "ca"} {
		if s.want[key] != nil {
			want = append(want, key)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the keys are %q where %q were put", got, want)
	}
}

// A search reads the rows on its way, not the index: with a window it passes over
// what lies before.
func TestSearchCostsItsPage(t *testing.T) {
	t.Parallel()
	book := newBook(t, filepath.Join(t.TempDir(), "book.db"))
	defer book.Close()
	const n = 100_000
	marks := make([]storage.Mark, n)
	for i := range marks {
		id := uint64(i + 1)
		marks[i] = storage.Mark{ID: id, Span: storage.Span{From: int64(id), Until: int64(id) + 10, First: id, Last: id + 1}}
	}
	if err := book.Commit(1, nil, under("k", marks...)); err != nil {
		t.Fatal(err)
	}
	snapshot, err := book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	for _, order := range []storage.Order{storage.ByID, storage.ByIDDescending, storage.ByUntil, storage.ByUntilDescending} {
		looked, found := 0, 0
		err := snapshot.Search(storage.Search{Keys: [][]byte{[]byte("k")}, Order: order, Has: func(s *storage.Sum) bool {
			looked++
			return s.MaxUntil >= n/2 && s.MinFrom <= n/2+1000
		}}, func(storage.Mark) (bool, error) {
			found++
			return found < 100, nil
		})
		if err != nil || found != 100 || looked > 4000 {
			t.Errorf("order %d: %d found by looking at %d sums of %d entries, %v", order, found, looked, n, err)
		}
	}
}

// under are entries under one key.
func under(key string, entries ...storage.Mark) storage.Marks {
	all := storage.Marks{Entries: entries, Under: []storage.Under{{Key: []byte(key)}}}
	for i := range entries {
		all.Under[0].Entries = append(all.Under[0].Entries, int32(i))
	}
	return all
}

func TestIndexRefusesIDsBeyondIt(t *testing.T) {
	t.Parallel()
	book := newBook(t, filepath.Join(t.TempDir(), "book.db"))
	defer book.Close()
	for _, m := range []storage.Marks{
		under("k", storage.Mark{ID: math.MaxUint64}),
		under(strings.Repeat("k", 65), storage.Mark{ID: 1}),
	} {
		if err := book.Commit(1, nil, m); err == nil {
			t.Errorf("%v was taken", m)
		}
	}
}

// Any bytes are a node or an error.
func FuzzIndexNode(f *testing.F) {
	f.Add([]byte{0, 0}, 0)
	f.Add([]byte{0, 2, 2, 1, 3, 1, 2, 1, 1, 4, 0, 0, 0, 0}, 0)
	f.Add([]byte{1, 1, 7, 1, 0, 2, 1, 2, 1, 1, 1, 1}, 3)
	f.Fuzz(func(t *testing.T, b []byte, level int) {
		if n, ok := storage.DecodeIndexNode(b, min(max(level, 0), 5)); ok && n > 256 {
			t.Errorf("a node of %d", n)
		}
	})
}

// Of many that ended at the same time a page reads the nodes that its entries are
// in, wherever it begins.
func TestSearchAmongEqualEnds(t *testing.T) {
	t.Parallel()
	book := newBook(t, filepath.Join(t.TempDir(), "book.db"))
	defer book.Close()
	const n = 50_000
	marks := make([]storage.Mark, n)
	for i := range marks {
		id := uint64(i + 1)
		marks[i] = storage.Mark{ID: id, Span: storage.Span{From: int64(id), Until: n, First: id, Last: id + 1}}
	}
	if err := book.Commit(1, nil, under("k", marks...)); err != nil {
		t.Fatal(err)
	}
	snapshot, err := book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	for _, order := range []storage.Order{storage.ByUntil, storage.ByUntilDescending} {
		for _, after := range []uint64{0, n / 2, n - 50} {
			looked, found := 0, after
			q := storage.Search{
				Keys: [][]byte{[]byte("k")}, Order: order, After: &storage.Mark{ID: after, Span: storage.Span{Until: n}},
				Has: func(*storage.Sum) bool { looked++; return true },
			}
			err := snapshot.Search(q, func(m storage.Mark) (bool, error) {
				if found++; m.ID != found {
					t.Fatalf("order %d: found %d in place of %d", order, m.ID, found)
				}
				return found < after+100, nil
			})
			if want := min(after+100, n); err != nil || found != want || looked > 1500 {
				t.Errorf("order %d after %d: found up to %d by looking at %d sums, %v; want up to %d", order, after, found, looked, err, want)
			}
		}
	}
}
