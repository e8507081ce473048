package postgres

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// The messages of an authentication that matter here: that it succeeded, and those that begin and
// end a conversation of SASL.
const (
	authOk        = 0
	authSASL      = 10
	authSASLFinal = 12
)

// plus is what a mechanism's name ends in that binds it to the channel of TLS.
const plus = "-PLUS"

// AppendTLSRequest appends the request to begin TLS.
func AppendTLSRequest(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, startupHeader)
	return binary.BigEndian.AppendUint32(b, codeTLS)
}

// Mechanisms returns the mechanisms of SASL that m offers; nil when it offers none.
func (m Message) Mechanisms() []string {
	body := m.Body()
	if m.Type() != TypeAuthentication || len(body) < 4 || binary.BigEndian.Uint32(body) != authSASL {
		return nil
	}
	var all []string
	rest := body[4:]
	for len(rest) > 0 && rest[0] != 0 {
		name, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			break
		}
		all = append(all, string(name))
		rest = after
	}
	return all
}

// OffersBinding reports whether m offers to bind a login to its channel.
func (m Message) OffersBinding() bool { return slices.ContainsFunc(m.Mechanisms(), binds) }

// AppendUnbound appends the offer m without the mechanisms that bind.
func (m Message) AppendUnbound(b []byte) []byte {
	body := binary.BigEndian.AppendUint32(nil, authSASL)
	for _, name := range m.Mechanisms() {
		if !binds(name) {
			body = append(append(body, name...), 0)
		}
	}
	body = append(body, 0)
	b = append(b, TypeAuthentication)
	b = binary.BigEndian.AppendUint32(b, uint32(4+len(body)))
	return append(b, body...)
}

// Binds reports whether m, a client's first answer to an offer of SASL, depends on the
// channel: it binds the login to the channel, or claims that the server does not offer
// that, which a server that does takes for an attack.
func (m Message) Binds() bool {
	name, rest, ok := bytes.Cut(m.Body(), []byte{0})
	if m.Type() != TypeAnswer || !ok {
		return false
	}
	if binds(string(name)) {
		return true
	}
	return len(rest) > 4 && rest[4] == 'y' // after a length, the flag of GS2
}

// binds reports whether a mechanism binds a login to its channel.
func binds(mechanism string) bool { return strings.HasSuffix(mechanism, plus) }
