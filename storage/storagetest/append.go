package storagetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/storage"
)

// largestList is the most records in a list.
const largestList = 1 << 14

func emptyLog(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	if head := b.Head(); head != (storage.Head{}) {
		t.Errorf("the head is %+v, want none", head)
	}
	if err := b.Err(); err != nil {
		t.Errorf("not ready: %v", err)
	}
	for _, after := range []uint64{0, 1, 1 << 63} {
		if n, err := b.Read(after, make([]events.Record, 3)); n != 0 || err != nil {
			t.Errorf("read %d records after %d, with error %v", n, after, err)
		}
	}
	if n := len(b.records()); n != 0 {
		t.Errorf("%d records were delivered", n)
	}
}

func identity(t *testing.T, create func(t *testing.T) Reopenable) {
	one, other := open(t, create), open(t, create)
	id := one.ID()
	if id == [16]byte{} || id == other.ID() {
		t.Errorf("two logs have the identities %x and %x", id, other.ID())
	}
	if err := one.reopen(); err != nil {
		t.Fatal(err)
	}
	if again := one.ID(); again != id {
		t.Errorf("the identity was %x and became %x", id, again)
	}
}

// sequencesHaveNoGaps appends events of every kind, over a reopening.
func sequencesHaveNoGaps(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	next := uint64(1)
	for range 2 {
		for _, kind := range events.Kinds() {
			e := storage.Entry{Record: events.Record{Session: 7, Occurred: 5, Event: eventstest.Full(kind)}, Expect: b.Head().Sequence}
			e.Record.Sequence, e.Record.Recorded = 99, 99 // the log sets these
			mustPut(t, b, e)
			if got := b.records()[next-1]; got.Event.Kind() != kind || got.Occurred != 5 || got.Session != 7 {
				t.Fatalf("record %d became %+v, want one of kind %s, of stream 7, that occurred at 5", next, got, kind)
			}
			next++
		}
		if err := b.reopen(); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Head().Sequence; got != next-1 {
		t.Errorf("the head is %d, want %d", got, next-1)
	}
}

// recordedNeverDecreases has a clock that goes backward, also while the log is closed.
func recordedNeverDecreases(t *testing.T, create func(t *testing.T) Reopenable) {
	var mu sync.Mutex
	var now events.Time
	b := &checkedLog{place: create(t), clock: func() events.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}}
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		clock, want events.Time
		reopen      bool
	}{{100, 100, false}, {50, 100, false}, {101, 101, false}, {7, 101, true}, {-1, 101, false}, {102, 102, false}, {0, 102, true}} {
		mu.Lock()
		now = c.clock
		mu.Unlock()
		if c.reopen {
			if err := b.reopen(); err != nil {
				t.Fatal(err)
			}
		}
		entries := list(2)
		mustPut(t, b, entries...)
		for _, e := range entries {
			if e.Record.Recorded != c.want {
				t.Errorf("step %d: recorded at %d, want %d", i, e.Record.Recorded, c.want)
			}
		}
		if head := b.Head(); head.Recorded != c.want {
			t.Errorf("step %d: the head was recorded at %d, want %d", i, head.Recorded, c.want)
		}
	}
	if err := b.check(); err != nil {
		t.Error(err)
	}
}

func emptyList(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	for _, entries := range [][]storage.Entry{nil, {}} {
		if err := b.Append(t.Context(), entries); err != nil {
			t.Errorf("appending nothing: %v", err)
		}
	}
	if head := b.Head(); head.Sequence != 0 {
		t.Errorf("appending nothing moved the head to %d", head.Sequence)
	}
}

func tooLarge(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	wantError(t, b.Append(t.Context(), list(largestList+1)), storage.ErrTooLarge)
	name := strings.Repeat("a", 256)
	declared := &events.ServiceDeclared{Servers: slices.Repeat([]string{name}, 33<<20/len(name))}
	huge := []storage.Entry{entry(0, 0, ""), {Record: events.Record{Event: declared}}}
	wantError(t, b.Append(t.Context(), huge), storage.ErrTooLarge)
	if head := b.Head(); head.Sequence != 0 {
		t.Errorf("a list that is too large moved the head to %d", head.Sequence)
	}
	mustPut(t, b, list(largestList)...)
	declared.Servers = declared.Servers[:1<<20/len(name)]
	mustPut(t, b, huge...)
}

// textsAreCleaned appends texts that need repair. The clean form is stored, delivered
// and left in the entry.
func textsAreCleaned(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	e := entry(0, 0, "a\xffb")
	mustPut(t, b, e, entry(0, 0, strings.Repeat("a", 2000)))
	for i, want := range []string{"a\uFFFDb", strings.Repeat("a", 1021) + "…"} {
		if got := b.records()[i].Event.(*events.KillRequested).Why; got != want {
			t.Errorf("record %d has the text %q, want %q", i+1, got, want)
		}
	}
}

// listsStayTogether has producers append lists concurrently, some of which are refused.
// Each list is present completely and in order, or not at all.
func listsStayTogether(t *testing.T, create func(t *testing.T) Reopenable) {
	const producers, lists, longest = 16, 25, 20
	b := open(t, create)
	var wg sync.WaitGroup
	var mu sync.Mutex
	size := make(map[string]int) // of each acknowledged list
	for p := range producers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(p)))
			for i := range lists {
				name := fmt.Sprintf("%d/%d", p, i)
				entries := make([]storage.Entry, 1+random.IntN(longest))
				for j := range entries {
					entries[j] = entry(0, 0, fmt.Sprintf("%s/%d", name, j))
				}
				refused := i%5 == 4
				if refused { // its last record is refused, and so the whole list
					entries[len(entries)-1].Record.Session = uint64(p) + 1
					entries = append([]storage.Entry{entry(uint64(p)+1, b.Head().Sequence, "first")}, entries...)
					if err := b.put(entries[0]); err != nil {
						t.Errorf("list %s: %v", name, err)
					}
					entries = entries[1:]
				}
				err := b.Append(context.Background(), entries)
				if refused {
					wantError(t, err, storage.ErrConflict)
					continue
				}
				if err != nil {
					t.Errorf("list %s: %v", name, err)
				}
				mu.Lock()
				size[name] = len(entries)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	records := b.records()
	for i := 0; i < len(records); {
		why := records[i].Event.(*events.KillRequested).Why
		if why == "first" {
			i++
			continue
		}
		name := why[:strings.LastIndex(why, "/")]
		n, acknowledged := size[name]
		if !acknowledged || i+n > len(records) {
			t.Fatalf("record %d begins list %s, which was not acknowledged, or it is cut", i+1, name)
		}
		for j := range n {
			want := fmt.Sprintf("%s/%d", name, j)
			if got := records[i+j].Event.(*events.KillRequested).Why; got != want {
				t.Fatalf("record %d is %q, want %q", i+j+1, got, want)
			}
		}
		delete(size, name)
		i += n
	}
	if len(size) > 0 {
		t.Errorf("acknowledged, and not there: %v", size)
	}
}

func readInPages(t *testing.T, create func(t *testing.T) Reopenable) {
	const total = 2500
	b := open(t, create)
	entries := make([]storage.Entry, total)
	for i := range entries {
		entries[i] = storage.Entry{Record: eventstest.Record(eventstest.Random(uint64(i)))}
	}
	for page := range slices.Chunk(entries, 500) {
		for i := range page {
			page[i].Expect = b.Head().Sequence
		}
		mustPut(t, b, page...)
	}
	for _, c := range []struct {
		after   uint64
		size, n int
	}{
		{0, 0, 0},
		{0, 1, 1},
		{0, total, total},
		{0, total + 1, total},
		{1, total, total - 1},
		{499, 2, 2},
		{total - 1, 5, 1},
		{total, 5, 0},
		{total + 1, 5, 0},
		{1<<64 - 1, 5, 0},
	} {
		untouched := events.Record{Sequence: 77}
		buffer := slices.Repeat([]events.Record{untouched}, c.size)
		n, err := b.Read(c.after, buffer)
		if n != c.n || err != nil {
			t.Errorf("reading %d after %d: got %d and error %v, want %d", c.size, c.after, n, err, c.n)
			continue
		}
		if n > 0 {
			if err := same("read", buffer[:n], b.records()[c.after:c.after+uint64(n)]); err != nil {
				t.Errorf("reading %d after %d: %v", c.size, c.after, err)
			}
		}
		for _, r := range buffer[n:] {
			if r != untouched {
				t.Errorf("reading %d after %d changed a record beyond: %+v", c.size, c.after, r)
			}
		}
	}
}
