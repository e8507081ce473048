package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatebook/cmd/gatebook/gateway/names"
)

// MaxStartup limits the first packet of a client, as the server does.
const MaxStartup = 10_000

// ErrMalformed is the cause of every error of this package.
var ErrMalformed = errors.New("not the PostgreSQL protocol")

// ErrTLS means that a client begins with the handshake of TLS, without asking for TLS
// first.
var ErrTLS = errors.New("the client begins with TLS")

// ErrGoodbye means that a client ends its session before it has begun one.
var ErrGoodbye = errors.New("the client says goodbye")

// DirectProtocol is the protocol that such a client names within that handshake.
const DirectProtocol = "postgresql"

// tlsHandshake is the type of TLS's first record.
const tlsHandshake = 0x16

// Request is what a client's untyped packet asks for.
type Request uint8

// The requests.
const (
	// RequestSession begins a session.
	RequestSession Request = iota
	// RequestTLS and RequestGSS ask for encryption.
	RequestTLS
	RequestGSS
	// RequestCancel asks to cancel what another connection is doing.
	RequestCancel
)

// The numbers that stand where a version would.
const (
	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104
)

// protocolMajor is the only major version there is.
const protocolMajor = 3

// startupHeader is a length and a version.
const startupHeader = 8

// Startup is a client's untyped packet.
type Startup struct {
	Request Request
	// User, Database and Program are those of a session, as [names.FromUTF8] writes them: the server
	// compares their bytes, whatever they mean. The database is the
	// user's name when the client does not name one. A session that replicates the
	// whole server has none, whatever its client names.
	User, Database, Program string
	// Key is that of a cancel request.
	Key Key
}

// FrameStartup returns the size of the untyped packet at the head of b, or 0
// when b is too short to have its size. b need not hold all of the packet. The error is
// [ErrTLS] when the client begins with TLS, and [ErrGoodbye] when it sends Terminate.
func FrameStartup(b []byte) (int, error) {
	if len(b) > 0 && b[0] == tlsHandshake {
		return 0, ErrTLS
	}
	goodbye := Goodbye()
	switch {
	case bytes.HasPrefix(b, goodbye):
		return 0, ErrGoodbye
	case len(b) < 4 || bytes.HasPrefix(goodbye, b):
		return 0, nil
	}
	size := binary.BigEndian.Uint32(b)
	if size < startupHeader || size > MaxStartup {
		return 0, fmt.Errorf("%w: a startup packet of %d bytes", ErrMalformed, size)
	}
	return int(size), nil
}

// ParseStartup reads a whole packet that [FrameStartup] has measured.
func ParseStartup(p []byte) (Startup, error) {
	if len(p) < startupHeader {
		return Startup{}, fmt.Errorf("%w: a startup packet cut short", ErrMalformed)
	}
	body := p[startupHeader:]
	switch version := binary.BigEndian.Uint32(p[4:]); {
	case version == codeTLS:
		return Startup{Request: RequestTLS}, nil
	case version == codeGSS:
		return Startup{Request: RequestGSS}, nil
	case version == codeCancel:
		key, err := parseKey(body)
		return Startup{Request: RequestCancel, Key: key}, err
	case version>>16 != protocolMajor:
		return Startup{}, fmt.Errorf("%w: version %d.%d", ErrMalformed, version>>16, version&0xffff)
	}
	return parseParameters(body)
}

// parseParameters reads pairs of texts up to an empty name, which must be the
// last byte. As in the server, the last value of a name counts.
func parseParameters(b []byte) (Startup, error) {
	var s Startup
	var physical bool
	for {
		name, rest, ok := bytes.Cut(b, []byte{0})
		if !ok || (len(name) == 0 && len(rest) > 0) {
			return Startup{}, fmt.Errorf("%w: a startup packet without its end", ErrMalformed)
		}
		if len(name) == 0 {
			break
		}
		value, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return Startup{}, fmt.Errorf("%w: a parameter without a value", ErrMalformed)
		}
		s.set(string(name), names.FromUTF8(value))
		if string(name) == "replication" {
			physical = isTrue(string(value))
		}
		b = rest
	}
	switch {
	case physical:
		s.Database = ""
	case s.Database == "":
		s.Database = s.User
	}
	return s, nil
}

// isTrue reports whether the server takes a value for true: one of the words below
// or the beginning of one, in any case. The server refuses a value that is neither true nor
// false.
func isTrue(value string) bool {
	value = strings.ToLower(value)
	if value == "" || value == "o" { // could be off as well
		return false
	}
	return slices.ContainsFunc([]string{"true", "yes", "on", "1"}, func(word string) bool { return strings.HasPrefix(word, value) })
}

// set notes a parameter.
func (s *Startup) set(name, value string) {
	switch name {
	case "user":
		s.User = value
	case "database":
		s.Database = value
	case "application_name":
		s.Program = value
	}
}
