package projection

import (
	"iter"
	"strings"

	"gatebook/events"
)

const (
	// usersKept is how many users a session is found by besides its present one. A
	// connection that many users share in turn is found by the one term that all such
	// have.
	usersKept = 32
	// manyUsers stands for those beyond.
	manyUsers = "\xfe"
)

// formerEnd ends each user in the list of those a session had before. Texts of
// events are valid UTF-8, in which this byte does not occur.
const formerEnd = "\xff"

func formerUsers(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for list != "" {
			user, rest, _ := strings.Cut(list, formerEnd)
			if list = rest; !yield(user) {
				return
			}
		}
	}
}

// First is the sequence of the session's first record.
func (s *Session) First() uint64 { return s.first() }

// Replay is the session that these records, the first ones of its trail, tell of:
// what it was when the last of them had just been applied. Errors: [ErrImpossible].
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
