package projection

import (
	"slices"
	"sync/atomic"

	"gatebook/events"
)

// pageSize is the number of ids that one page of a table covers. Ids rise with opening, so
// that sessions of one time are on the same pages. A page with one old session costs half
// a kilobyte.
const pageSize = 64

// table holds sessions by id, in ascending order. The zero value is empty. One goroutine at
// a time changes it. Any goroutine may call get at any time without a lock, so that a
// decider does not wait while a batch is applied.
type table struct {
	current atomic.Pointer[directory]
	count   int
}

// directory lists the pages of a table. The elements within its length never change, so
// that a copy of it stays valid.
type directory struct {
	bases []uint64 // the first id of each page, ascending
	pages []*page  // parallel to bases; none is empty
}

type page struct {
	used int
	// earliest is at or before the opening of every session in the page. It is guarded by
	// the state's lock.
	earliest events.Time
	slots    [pageSize]atomic.Pointer[Session]
}

func (t *table) directory() directory {
	if d := t.current.Load(); d != nil {
		return *d
	}
	return directory{}
}

func (d *directory) find(id uint64) (i int, found bool) {
	base := id &^ (pageSize - 1)
	// New sessions, and so most changes, are at the end.
	if n := len(d.bases); n > 0 && d.bases[n-1] == base {
		return n - 1, true
	}
	return slices.BinarySearch(d.bases, base)
}

func (t *table) get(id uint64) *Session {
	d := t.directory()
	i, found := d.find(id)
	if !found {
		return nil
	}
	return d.pages[i].slots[id%pageSize].Load()
}

func (t *table) put(s *Session) {
	d := t.directory()
	i, found := d.find(s.ID)
	if !found {
		grown := d.with(i, s.ID&^(pageSize-1)) // a new variable, so that d stays off the heap
		t.current.Store(&grown)
		d = grown
	}
	slot := &d.pages[i].slots[s.ID%pageSize]
	if slot.Load() == nil {
		p := d.pages[i]
		if p.used == 0 || s.Opened < p.earliest {
			p.earliest = s.Opened
		}
		p.used++
		t.count++
	}
	slot.Store(s)
}

func (t *table) remove(id uint64) {
	d := t.directory()
	i, found := d.find(id)
	if !found || d.pages[i].slots[id%pageSize].Load() == nil {
		return
	}
	d.pages[i].slots[id%pageSize].Store(nil)
	d.pages[i].used--
	t.count--
	if d.pages[i].used == 0 {
		shrunk := d.without(i)
		t.current.Store(&shrunk)
	}
}

// with returns a directory with one more page, empty, at position i. At the end it uses the
// memory beyond d's length, which no reader has seen.
func (d *directory) with(i int, base uint64) directory {
	if i == len(d.bases) {
		return directory{append(d.bases, base), append(d.pages, new(page))}
	}
	return directory{
		slices.Concat(d.bases[:i], []uint64{base}, d.bases[i:]),
		slices.Concat(d.pages[:i], []*page{new(page)}, d.pages[i:]),
	}
}

// without returns a directory without page i. It shares no memory with d: otherwise the
// next page would overwrite the last one of d.
func (d *directory) without(i int) directory {
	return directory{
		slices.Concat(d.bases[:i], d.bases[i+1:]),
		slices.Concat(d.pages[:i], d.pages[i+1:]),
	}
}

// ascend calls visit for the sessions with an id of at least id, after skipping the given
// number of them, until it returns false. Skipping visits pages, not sessions. Pages in
// which all sessions were opened after until are left out.
func (t *table) ascend(id uint64, skip int, until events.Time, visit func(*Session) bool) {
	d := t.directory()
	i, _ := d.find(id)
	for ; i < len(d.pages); i++ {
		p := d.pages[i]
		if d.bases[i] >= id && skip >= p.used {
			skip -= p.used
			continue
		}
		if p.earliest > until {
			continue
		}
		begin := 0
		if d.bases[i] < id {
			begin = int(id - d.bases[i])
		}
		for j := min(begin, pageSize); j < pageSize; j++ {
			s := p.slots[j].Load()
			if s == nil {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if !visit(s) {
				return
			}
		}
	}
}

// descend calls visit for the sessions with an id of at most id, from the highest, until it
// returns false. Pages in which all sessions were opened after until are left out.
func (t *table) descend(id uint64, until events.Time, visit func(*Session) bool) {
	d := t.directory()
	i, found := d.find(id)
	if !found {
		i--
	}
	for ; i >= 0; i-- {
		if d.pages[i].earliest > until {
			continue
		}
		last := pageSize - 1
		if id-d.bases[i] < pageSize {
			last = int(id - d.bases[i])
		}
		for ; last >= 0; last-- {
			if s := d.pages[i].slots[last].Load(); s != nil && !visit(s) {
				return
			}
		}
	}
}
