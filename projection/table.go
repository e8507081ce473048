package projection

import "slices"

// pageSize is how many ids one page of a table covers. Ids rise with opening, so
// sessions of one time lie together; a page with a single old session left
// costs half a kilobyte.
const pageSize = 64

// table holds sessions by id, in ascending order. The zero value is empty.
type table struct {
	bases []uint64 // the first id of each page, ascending
	pages []*page  // beside bases; none is empty
	count int
}

type page struct {
	used  int
	slots [pageSize]*Session
}

func (t *table) find(id uint64) (i int, found bool) {
	base := id &^ (pageSize - 1)
	// New sessions, and so most changes, are at the end.
	if n := len(t.bases); n > 0 && t.bases[n-1] == base {
		return n - 1, true
	}
	return slices.BinarySearch(t.bases, base)
}

func (t *table) get(id uint64) *Session {
	i, found := t.find(id)
	if !found {
		return nil
	}
	return t.pages[i].slots[id%pageSize]
}

func (t *table) put(s *Session) {
	i, found := t.find(s.ID)
	if !found {
		t.bases = slices.Insert(t.bases, i, s.ID&^(pageSize-1))
		t.pages = slices.Insert(t.pages, i, &page{})
	}
	slot := &t.pages[i].slots[s.ID%pageSize]
	if *slot == nil {
		t.pages[i].used++
		t.count++
	}
	*slot = s
}

func (t *table) remove(id uint64) {
	i, found := t.find(id)
	if !found || t.pages[i].slots[id%pageSize] == nil {
		return
	}
	t.pages[i].slots[id%pageSize] = nil
	t.pages[i].used--
	t.count--
	if t.pages[i].used == 0 {
		t.bases = slices.Delete(t.bases, i, i+1)
		t.pages = slices.Delete(t.pages, i, i+1)
	}
}

// from calls visit for the sessions with an id of at least id, after skipping
// the given number of them, until it returns false. Skipping costs pages, not
// sessions.
func (t *table) from(id uint64, skip int, visit func(*Session) bool) {
	i, _ := t.find(id)
	for ; i < len(t.pages); i++ {
		p := t.pages[i]
		if t.bases[i] >= id && skip >= p.used {
			skip -= p.used
			continue
		}
		begin := 0
		if t.bases[i] < id {
			begin = int(id - t.bases[i])
		}
		for _, s := range p.slots[min(begin, pageSize):] {
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
