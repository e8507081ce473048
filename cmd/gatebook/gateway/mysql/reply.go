package mysql

import (
	"encoding/binary"
	"fmt"

	"gatebook/cmd/gatebook/gateway/names"
)

// Reply is what a server's packet means for the login it belongs to.
type Reply uint8

// The kinds of a reply.
const (
	// ReplyMore is a step of the authentication, to be passed on.
	ReplyMore Reply = iota
	// ReplyOK ends the login: it succeeded.
	ReplyOK
	// ReplyError ends the login: it was refused.
	ReplyError
)

// The first byte of a server's reply. A plugin's data that happen to begin with
// one of these come behind a byte 0x01.
const (
	firstOK    = 0x00
	firstError = 0xff
)

// ReplyOf returns what a server's packet of the login means.
func ReplyOf(p Packet) Reply {
	payload := p.Payload()
	switch {
	case len(payload) == 0:
		return ReplyMore
	case payload[0] == firstOK:
		return ReplyOK
	case payload[0] == firstError:
		return ReplyError
	}
	return ReplyMore
}

// Error is an error of a server.
type Error struct {
	Code uint16
	// State is the SQLSTATE; "" before a client has sent its capabilities.
	State   string
	Message string
}

// String returns the error as clients show it.
func (e Error) String() string {
	if e.State == "" {
		return fmt.Sprintf("%d: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%d (%s): %s", e.Code, e.State, e.Message)
}

// Unavailable reports whether a server refuses a login because of its own state and not of
// who logs in: it has too many connections, or of that user, or shuts down.
func (e Error) Unavailable() bool {
	switch e.Code {
	case 1040, 1053, 1129, 1203, 1226:
		return true
	}
	return false
}

// ParseError reads a packet that [ReplyOf] calls an error. In which character set its message is
// depends on settings of the server that the login does not show.
func ParseError(p Packet) Error { return parseError(p.Payload()) }

// parseError reads the payload of an error.
func parseError(payload []byte) Error {
	c := cursor{rest: payload}
	c.take(1)
	e := Error{Code: uint16(c.number(2))}
	if len(c.rest) >= 6 && c.rest[0] == '#' {
		e.State = string(c.take(6)[1:])
	}
	e.Message = names.FromUTF8(c.rest)
	return e
}

// AppendError appends the packet of e.
func AppendError(b []byte, sequence byte, e Error) []byte {
	payload := binary.LittleEndian.AppendUint16([]byte{firstError}, e.Code)
	if e.State != "" {
		payload = append(payload, '#')
		payload = append(payload, e.State...)
	}
	payload = append(payload, e.Message...)
	return append(appendHeader(b, len(payload), sequence), payload...)
}
