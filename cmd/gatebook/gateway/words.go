package gateway

import (
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

// wordsFor returns the words for a reason: those a server itself would use.
func wordsFor(reason events.Reason) words {
	switch reason {
	case events.ReasonLimit:
		return words{1040, "08004", "53300"}
	case events.ReasonShutdown:
		return words{1053, "08S01", "57P03"}
	case events.ReasonIdleTimeout:
		return words{4031, "HY000", "57P05"}
	case events.ReasonLoginTimeout:
		return words{1159, "08S01", "57014"}
	}
	return words{mysqlUnknown, "HY000", "XX000"}
}

// say puts a reason into the words of the session's protocol; nil when that has
// none. The sequence is MySQL's: 0 before the greeting, when a client does not yet
// understand a state.
func (s *session) say(sequence byte, reason events.Reason, message string) []byte {
	w := wordsFor(reason)
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
