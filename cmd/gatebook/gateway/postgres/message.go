package postgres

import (
	"encoding/binary"
	"fmt"
)

const (
	// HeaderSize is what a message has before its body: type and length.
	HeaderSize = 5
	// MaxMessage limits a message of the login, header included. A server takes
	// no longer answer to a request for a password.
	MaxMessage = 64<<10 + HeaderSize
)

// The types of the messages that a login is followed by.
const (
	// TypeAnswer is the only message a client sends within a login: a password,
	// or a step of SASL or GSSAPI.
	TypeAnswer = 'p'
	// TypeCopyData is a piece of a copy.
	TypeCopyData = 'd'
	// TypeTerminate is a client's goodbye.
	TypeTerminate = 'X'

	// TypeAuthentication asks for an answer, or is AuthenticationOk.
	TypeAuthentication = 'R'
	// TypeKey is BackendKeyData.
	TypeKey = 'K'
	// TypeReady is ReadyForQuery.
	TypeReady = 'Z'
	// TypeError is ErrorResponse.
	TypeError = 'E'
)

// Message is one whole message, with its header.
type Message []byte

// Frame returns the size of the message at the head of b, header included, or 0
// when b is too short to have its header. b need not hold all of the message.
func Frame(b []byte) (int, error) {
	if len(b) < HeaderSize {
		return 0, nil
	}
	length := binary.BigEndian.Uint32(b[1:])
	if length < 4 || length > MaxMessage-1 {
		return 0, fmt.Errorf("%w: a message of %d bytes in a login", ErrMalformed, length)
	}
	return 1 + int(length), nil
}

// Type returns the message's first byte.
func (m Message) Type() byte { return m[0] }

// Body returns what follows the header.
func (m Message) Body() []byte { return m[HeaderSize:] }

// Goodbye returns the message by which a client ends its session, Terminate.
func Goodbye() Message { return Message{TypeTerminate, 0, 0, 0, 4} }

// AwaitsAnswer reports whether the server waits for the client's answer to m, a message of the
// authentication.
func (m Message) AwaitsAnswer() bool {
	if m.Type() != TypeAuthentication || len(m.Body()) < 4 {
		return false
	}
	code := binary.BigEndian.Uint32(m.Body())
	return code != authOk && code != authSASLFinal
}

// Authenticated reports whether m is AuthenticationOk: the server has accepted the client's
// credentials.
func (m Message) Authenticated() bool {
	return m.Type() == TypeAuthentication && len(m.Body()) == 4 && binary.BigEndian.Uint32(m.Body()) == authOk
}
