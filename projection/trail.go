package projection

import (
	"encoding/binary"
	"iter"
)

// extend returns the trail with one more sequence: the difference to the last one
// as a varint. It costs a copy of the trail, which is a few bytes per record.
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

// first is the sequence of the session's first record.
func (s *Session) first() uint64 {
	for sequence := range s.Trail() {
		return sequence
	}
	return 0
}
