package postgres

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"strings"

	"gatebook/cmd/gatebook/gateway/names"
)

// Error is an error of a server.
type Error struct {
	// Severity is never translated where the server sends that.
	Severity string
	// Code is the SQLSTATE.
	Code    string
	Message string
}

// The fields of an error that are read here.
const (
	fieldSeverity = 'S'
	fieldPlain    = 'V' // the severity, never translated
	fieldCode     = 'C'
	fieldMessage  = 'M'
)

// String returns the error as clients show it.
func (e Error) String() string { return e.Code + ": " + e.Message }

// Unavailable reports whether a server refuses a login because of its own state and not of
// who logs in: it lacks resources, has too many connections, starts, shuts down or failed.
func (e Error) Unavailable() bool {
	for _, class := range []string{"53", "57P", "58", "XX"} {
		if strings.HasPrefix(e.Code, class) {
			return true
		}
	}
	return false
}

// ParseError reads ErrorResponse. A field that it does not have is "".
func ParseError(m Message) Error { return parseError(m.Body()) }

// parseError reads the body of an error.
func parseError(body []byte) Error {
	var e Error
	rest := body
	for len(rest) > 1 && rest[0] != 0 {
		field := rest[0]
		var value []byte
		value, rest, _ = bytes.Cut(rest[1:], []byte{0})
		switch field {
		case fieldSeverity:
			e.Severity = cmp.Or(e.Severity, string(value))
		case fieldPlain:
			e.Severity = string(value)
		case fieldCode:
			e.Code = string(value)
		case fieldMessage:
			e.Message = names.FromUTF8(value)
		}
	}
	return e
}

// AppendError appends the message of e.
func AppendError(b []byte, e Error) []byte {
	body := appendField(nil, fieldSeverity, e.Severity)
	body = appendField(body, fieldPlain, e.Severity)
	body = appendField(body, fieldCode, e.Code)
	body = appendField(body, fieldMessage, e.Message)
	body = append(body, 0)
	b = append(b, TypeError)
	b = binary.BigEndian.AppendUint32(b, uint32(4+len(body)))
	return append(b, body...)
}

// appendField appends one field of an error.
func appendField(b []byte, field byte, value string) []byte {
	b = append(b, field)
	b = append(b, value...)
	return append(b, 0)
}
