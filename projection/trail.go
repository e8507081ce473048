package projection

import (
	"encoding/binary"
	"iter"

	"gatebook/events"
)

// extend returns the trail with one more sequence: its difference to the last one as a
// varint. The trail is copied, a few bytes per record.
func extend(trail string, last, sequence uint64) string {
	var b [64]byte
	if len(trail) <= len(b)-binary.MaxVarintLen64 {
		n := copy(b[:], trail)
		return string(b[:n+binary.PutUvarint(b[n:], sequence-last)])
	}
	return string(binary.AppendUvarint([]byte(trail), sequence-last))
}

// Trail yields the sequences of the session's records, oldest first.
func (s *Session) Trail() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		b, sequence := []byte(s.trail), uint64(0)
		for len(b) > 0 {
			d, n := binary.Uvarint(b)
			if n <= 0 {
				return
			}
			sequence += d
			if b = b[n:]; !yield(sequence) {
				return
			}
		}
	}
}

// First returns the sequence of the session's first record.
func (s *Session) First() uint64 {
	for sequence := range s.Trail() {
		return sequence
	}
	return 0
}

// Replay returns a session as of the last of these records, which are the first ones of
// its trail; nil without records. Errors: [ErrImpossible].
func Replay(records []events.Record) (*Session, error) {
	s := New(nil)
	for i := range records {
		if err := s.apply(&records[i]); err != nil {
			return nil, err
		}
	}
	if len(records) == 0 {
		return nil, nil
	}
	return s.find(records[0].Session)
}
