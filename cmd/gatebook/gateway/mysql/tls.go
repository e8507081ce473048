package mysql

import "encoding/binary"

// OfferTLS puts TLS into the capabilities of p, the packet g was read from: to be
// called after Hide.
func (g Greeting) OfferTLS(p Packet) {
	offered := Capabilities(binary.LittleEndian.Uint16(p[g.low:])) | TLS
	binary.LittleEndian.PutUint16(p[g.low:], uint16(offered))
}

// SetTLS says in p, which [ParseLogin] has accepted, whether it comes through TLS.
func (p Packet) SetTLS(secured bool) {
	asked := Capabilities(binary.LittleEndian.Uint16(p.Payload())) &^ TLS
	if secured {
		asked |= TLS
	}
	binary.LittleEndian.PutUint16(p.Payload(), uint16(asked))
}

// AppendTLSRequest appends the request for TLS that comes before p, a login that
// says TLS: it is the login's beginning.
func (p Packet) AppendTLSRequest(b []byte, sequence byte) []byte {
	return append(appendHeader(b, tlsRequestSize, sequence), p.Payload()[:tlsRequestSize]...)
}

// SetSequence changes the packet's number in its exchange.
func (p Packet) SetSequence(sequence byte) { p[3] = sequence }

// WantsPassword tells whether p is how caching_sha2_password asks for the password
// itself.
func (p Packet) WantsPassword() bool {
	payload := p.Payload()
	return len(payload) == 2 && payload[0] == firstMore && payload[1] == fullAuthentication
}

// Switched is the plugin that a server's packet changes the authentication to, ""
// when it does not.
func (p Packet) Switched() string {
	payload := p.Payload()
	if len(payload) < 2 || payload[0] != firstSwitch {
		return ""
	}
	c := cursor{rest: payload[1:]}
	return string(c.tail())
}

// The first bytes of packets within an authentication, and the one step of
// caching_sha2_password that matters here.
const (
	firstMore          = 0x01
	firstSwitch        = 0xfe
	fullAuthentication = 0x04
)
