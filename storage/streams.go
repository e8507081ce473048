package storage

import "fmt"

// streamSlots is the number of streams that are remembered at most: a megabyte. It is a
// power of two. Streams of adjacent numbers do not share a slot.
const streamSlots = 1 << 16

// streams remembers the last sequence of streams that were written recently. Each stream
// has the slot of its number's lowest bits; of two streams that share a slot, the one
// written later is remembered. The last record of any other stream is at or before floor.
// An expectation before floor is therefore refused for such a stream, and its decider
// looks again and sees more. So memory is bounded, nothing is read at start, and no
// conflict is missed.
type streams struct {
	slots []slot
	floor uint64

	// undone is what the slots held before the current batch, and floorBefore the floor
	// before it.
	undone      []slot
	floorBefore uint64
}

// slot is a stream and its last sequence. Stream 0 marks an empty slot.
type slot struct {
	stream, last uint64
}

func newStreams(head uint64) streams {
	return streams{slots: make([]slot, streamSlots), floor: head, floorBefore: head}
}

// check returns [ErrConflict] for a list that expects less of a stream than it holds.
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
	before := *at
	if before.stream == 0 { // undo finds an empty slot by the stream that takes it
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

// keep makes what was noted final: the commit succeeded.
func (s *streams) keep() { s.undone, s.floorBefore = s.undone[:0], s.floor }
