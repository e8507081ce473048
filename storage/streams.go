package storage

import "fmt"

// streamsKept is how many streams a generation remembers.
const streamsKept = 1 << 16

// streams remembers the last sequence of the streams that were written lately.
// Of a stream it does not remember it knows only that its last record is not
// after floor: an expectation before floor is therefore refused, and its
// decider, who then looks again, sees more. So memory is bounded, nothing has
// to be read at start, and no conflict is missed.
type streams struct {
	now, before map[uint64]uint64
	floor       uint64 // what neither generation knows lies at or before this
	turned      uint64 // the head when now was begun
	undone      []noted
}

type noted struct {
	stream, last uint64
	known        bool
}

func newStreams(head uint64) streams {
	return streams{now: make(map[uint64]uint64), floor: head, turned: head}
}

// check refuses a list that expects less of a stream than there is.
func (s *streams) check(entries []Entry) error {
	for i := range entries {
		e := &entries[i]
		stream := e.Record.Session
		if stream == 0 {
			continue
		}
		last, known := s.now[stream]
		if !known && e.Expect >= s.turned {
			continue // what is not in now lies at or before turned
		}
		if !known {
			last, known = s.before[stream]
		}
		if !known {
			last = s.floor
		}
		if e.Expect < last {
			return fmt.Errorf("%w: stream %d was expected at %d", ErrConflict, stream, e.Expect)
		}
	}
	return nil
}

// note remembers a record that is about to be committed.
func (s *streams) note(stream, sequence uint64) {
	if stream == 0 {
		return
	}
	last, known := s.now[stream]
	s.undone = append(s.undone, noted{stream, last, known})
	s.now[stream] = sequence
}

// undo forgets what was noted since the last keep: the commit failed.
func (s *streams) undo() {
	for i := len(s.undone) - 1; i >= 0; i-- {
		if c := s.undone[i]; c.known {
			s.now[c.stream] = c.last
		} else {
			delete(s.now, c.stream)
		}
	}
	s.undone = s.undone[:0]
}

// keep ends a batch that was committed up to head.
func (s *streams) keep(head uint64) {
	s.undone = s.undone[:0]
	if len(s.now) >= streamsKept {
		s.before, s.now = s.now, make(map[uint64]uint64, streamsKept)
		s.floor, s.turned = s.turned, head
	}
}
