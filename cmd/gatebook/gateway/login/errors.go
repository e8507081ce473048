package login

import (
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// protocolError is the code of an error by which the gateway ends a session, or does not
// let it begin, in each protocol. It is the one that a server itself would use.
type protocolError struct {
	// code and state are MySQL's, sqlstate is PostgreSQL's.
	code            uint16
	state, sqlstate string
}

// refusal returns the error for a client that is not let in for that reason.
func refusal(reason events.Reason) protocolError {
	switch reason {
	case events.ReasonLimit:
		return protocolError{1040, "08004", "53300"}
	case events.ReasonShutdown:
		return protocolError{1053, "08S01", "57P03"}
	case events.ReasonLoginTimeout:
		return protocolError{1159, "08S01", "57014"}
	}
	return protocolError{mysqlUnknown, "HY000", "XX000"}
}

// endError returns the error for a client whose established session ends for that reason.
func endError(reason events.Reason) protocolError {
	switch reason {
	case events.ReasonIdleTimeout:
		return protocolError{4031, "HY000", "57P05"}
	case events.ReasonError:
		return refusal(reason)
	case events.ReasonKilled:
		return protocolError{1927, "70100", "57P01"}
	}
	return protocolError{1053, "08S01", "57P01"}
}

// mysql returns the error as a packet of MySQL. Its sequence is 0 before the greeting, when
// a client does not yet understand a state.
func (e protocolError) mysql(sequence byte, message string) []byte {
	if sequence == 0 {
		e.state = ""
	}
	return mysql.AppendError(nil, sequence, mysql.Error{Code: e.code, State: e.state, Message: message})
}

// postgres returns the error as a message of PostgreSQL.
func (e protocolError) postgres(message string) []byte { return postgresError(e.sqlstate, message) }

// postgresError returns a message of PostgreSQL that ends a session.
func postgresError(sqlstate, message string) []byte {
	return postgres.AppendError(nil, postgres.Error{Severity: "FATAL", Code: sqlstate, Message: message})
}

// unrecorded is the error for a client that is not let in because its session cannot be
// recorded.
const unrecorded = "the session cannot be recorded"

// unexpectedHeader returns the error for a client that begins with a header of the PROXY protocol.
func unexpectedHeader(s *Service) string {
	return "the client begins with a header of the PROXY protocol, which service " + s.Name +
		" does not expect from there, or not again: see accept_proxy_protocol"
}

// unreachable returns the error for a client of a service none of whose servers answers.
func unreachable(s *Service) string { return "no server of service " + s.Name + " can be reached" }
