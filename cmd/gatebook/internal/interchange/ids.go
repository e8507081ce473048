package interchange

import (
	"cmp"
	"fmt"
	"slices"

	"gatebook/events"
	"gatebook/storage/index"
)

// sessionIDs checks the ids of sessions in a log, record by record. A log gives each id once, in
// rising order, except that sessions that open at the same time can be recorded in either order. The zero
// value is of an empty log.
type sessionIDs struct {
	// next is the id of the next session after the import, which the log must not have; 0 for any.
	next uint64
	// floor is the lowest id that the log can give since it was last restored.
	floor uint64
	// opened are the ids that were opened, as intervals in their order that do not touch. Few ids are left
	// out, so that there are few intervals.
	opened []interval
}

// interval are the ids from first to last.
type interval struct{ first, last uint64 }

// check returns an error for a record that no log has after those before it.
func (s *sessionIDs) check(r *events.Record) error {
	id := r.Session
	switch e := r.Event.(type) {
	case *events.LogRestored:
		if e.NextSession > index.LargestID+1 {
			return fmt.Errorf("its next session is %d, and the largest that there can be is %d", e.NextSession, uint64(index.LargestID))
		}
		s.floor = max(s.floor, e.NextSession)
		id = max(id, max(e.NextSession, 1)-1)
	case *events.SessionOpened:
		switch {
		case id == 0 || id > index.LargestID:
			return fmt.Errorf("it opens session %d, and ids are from 1 to %d", id, uint64(index.LargestID))
		case id < s.floor:
			return fmt.Errorf("it opens session %d, and the log was restored to go on with session %d", id, s.floor)
		case !s.open(id):
			return fmt.Errorf("it opens session %d, which was opened before", id)
		}
	default:
		if id != 0 && !s.isOpened(id) {
			return fmt.Errorf("it is of session %d, which was not opened before", id)
		}
	}
	if s.next != 0 && id >= s.next {
		return fmt.Errorf("the next session cannot be %d: the log has session %d; name a larger one with --next-id", s.next, id)
	}
	return nil
}

// open adds an id, and returns false if it is there already.
func (s *sessionIDs) open(id uint64) bool {
	i, found := s.find(id)
	if found {
		return false
	}
	before, after := i > 0 && s.opened[i-1].last == id-1, i < len(s.opened) && s.opened[i].first == id+1
	switch {
	case before && after:
		s.opened[i-1].last = s.opened[i].last
		s.opened = slices.Delete(s.opened, i, i+1)
	case before:
		s.opened[i-1].last = id
	case after:
		s.opened[i].first = id
	default:
		s.opened = slices.Insert(s.opened, i, interval{id, id})
	}
	return true
}

// isOpened reports whether a session was opened.
func (s *sessionIDs) isOpened(id uint64) bool {
	_, found := s.find(id)
	return found
}

// find returns the interval that has an id, or the one before which it is.
func (s *sessionIDs) find(id uint64) (i int, found bool) {
	return slices.BinarySearchFunc(s.opened, id, func(of interval, id uint64) int {
		if of.first <= id && id <= of.last {
			return 0
		}
		return cmp.Compare(of.first, id)
	})
}
