package follow

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"gatebook/events"
	"gatebook/httpd/params"
)

// history makes the ids of events: each is a place in the log of one history. A log with the
// same identity that went another way, because it was restored from an older copy, is another
// history.
type history struct{ identity [16]byte }

// appendPlace appends the id of the record with that sequence, which was made at that time.
func (h *history) appendPlace(b []byte, sequence uint64, recorded events.Time) []byte {
	hashed := append(make([]byte, 0, 32), h.identity[:]...)
	hashed = binary.BigEndian.AppendUint64(hashed, sequence)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(hashed, uint64(recorded)))
	b = append(strconv.AppendUint(b, sequence, 10), params.PlaceMark...)
	return hex.AppendEncode(b, sum[:4])
}

// Place returns the id of the event with that sequence: the place after which a follower goes
// on. Errors: those of reading the log.
func (s *Set) Place(sequence uint64) (string, error) {
	b, err := s.appendPlace(nil, sequence)
	return string(b), err
}

func (s *Set) appendPlace(b []byte, sequence uint64) ([]byte, error) {
	if sequence == 0 {
		return s.shared.history.appendPlace(b, 0, 0), nil
	}
	recorded, err := s.log.RecordedAt(sequence)
	if err != nil {
		return b, err
	}
	return s.shared.history.appendPlace(b, sequence, events.TimeOf(recorded)), nil
}
