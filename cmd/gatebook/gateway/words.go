package gateway

import (
	"fmt"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// words are how each protocol says that the gateway ends a session, or does not
// let it begin.
type words struct {
	// code and state are MySQL's, sqlstate is PostgreSQL's.
	code            uint16
	state, sqlstate string
}

// wordsFor returns the words for a reason not to let a client in: those a server
// itself would use.
func wordsFor(reason events.Reason) words {
	switch reason {
	case events.ReasonLimit:
		return words{1040, "08004", "53300"}
	case events.ReasonShutdown:
		return words{1053, "08S01", "57P03"}
	case events.ReasonLoginTimeout:
		return words{1159, "08S01", "57014"}
	}
	return words{mysqlUnknown, "HY000", "XX000"}
}

// turnAway refuses a client before a server has said anything, and returns end.
func (s *session) turnAway(end *ending) *ending {
	if said := s.say(0, wordsFor(end.reason), end.description); said != nil {
		s.refuse(said)
	}
	return end
}

// farewell returns the words for the end of a session that was established, and what
// they mean.
func (s *session) farewell(reason events.Reason) (words, string) {
	switch reason {
	case events.ReasonIdleTimeout:
		return words{4031, "HY000", "57P05"}, fmt.Sprintf("nothing happened for %s", s.service.now().IdleTimeout)
	case events.ReasonError:
		return wordsFor(reason), crashDescription
	case events.ReasonKilled:
		return words{1927, "70100", "57P01"}, "the session was ended by an administrator"
	}
	return words{1053, "08S01", "57P01"}, "the gateway is shutting down"
}

// sayGoodbye tells the client of an established session why it ends, unless that would
// cut short what the server is saying, or the client does not take it at once.
func (s *session) sayGoodbye(reason events.Reason) {
	if s.heard == nil || !s.heard.Between() {
		return
	}
	w, message := s.farewell(reason)
	s.client.Parting(s.say(1, w, message)) // in MySQL it is read as the answer to a command
}

// say puts words into the session's protocol; nil when that has none. The sequence is
// MySQL's: 0 before the greeting, when a client does not yet understand a state.
func (s *session) say(sequence byte, w words, message string) []byte {
	switch s.service.Protocol {
	case MySQL:
		if sequence == 0 {
			w.state = ""
		}
		return mysql.AppendError(nil, sequence, mysql.Error{Code: w.code, State: w.state, Message: message})
	case Postgres:
		return postgres.AppendError(nil, postgres.Error{Severity: fatal, Code: w.sqlstate, Message: message})
	}
	return nil
}

// shout writes words to the client from outside the session's goroutine. They are
// lost when the client does not take them at once.
func (s *session) shout(words []byte) {
	_ = s.client.SetWriteDeadline(time.Now().Add(farewellTime))
	_, _ = s.client.Write(words)
}
