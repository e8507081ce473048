package storage

import "fmt"

// streamSlots is how many streams are remembered at most: a megabyte. It is a power
// of two, and streams that follow each other do not share a slot.
const streamSlots = 1 << 16

// streams remembers the last sequence of the streams that were written lately, each
// in the one slot that is its own by its number: of two that share it, the one written
// later. Of a stream it does not remember it knows only that its last record is not
// after floor: an expectation before floor is therefore refused, and its decider, who
// then looks again, sees more. So memory is bounded, nothing has to be read at start,
// and no conflict is missed.
type streams struct {
	slots []slot // by the lowest bits of the stream's number
	floor uint64 // what no slot knows lies at or before this

	// undone is what the slots held before the batch at hand, and floorBefore what
	// floor was.
	undone      []slot
	floorBefore uint64
}

// slot is a stream and its last sequence; stream 0 for none.
type slot struct {
	stream, last uint64
}

func newStreams(head uint64) streams {
	return streams{slots: make([]slot, streamSlots), floor: head, floorBefore: head}
}

// check refuses a list that expects less of a stream than there is.
func (s *streams) check(entries []Entry) error {
	for i := range entries {
		e := &entries[i]
		stream := e.Record.Session
		if stream == 0 {
			continue
		}
		last := s.floor
		if at := &s.slots[stream%streamSlots]; at.stream == stream {
			last = at.last
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
	at := &s.slots[stream%streamSlots]
	if at.stream != stream {
		s.floor = max(s.floor, at.last)
	}
	// The number of an empty slot is told by the stream that takes it.
	before := *at
	if before.stream == 0 {
		before = slot{stream: stream}
	}
	s.undone = append(s.undone, before)
	*at = slot{stream, sequence}
}

// undo forgets what was noted since the last keep: the commit failed.
func (s *streams) undo() {
	for i := len(s.undone) - 1; i >= 0; i-- {
		before := s.undone[i]
		at := &s.slots[before.stream%streamSlots]
		if *at = before; before.last == 0 {
			*at = slot{}
		}
	}
	s.undone, s.floor = s.undone[:0], s.floorBefore
}

// keep ends a batch that was committed.
func (s *streams) keep() { s.undone, s.floorBefore = s.undone[:0], s.floor }
