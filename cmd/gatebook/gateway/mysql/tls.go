package mysql

import "encoding/binary"

// OfferTLS adds TLS to the capabilities of p, the packet from which g was read. It is
// called after [Greeting.Withhold].
func (g Greeting) OfferTLS(p Packet) {
	offered := Capabilities(binary.LittleEndian.Uint16(p[g.low:])) | TLS
	binary.LittleEndian.PutUint16(p[g.low:], uint16(offered))
}

// SetTLS sets in p, which [ParseLogin] has accepted, whether it comes through TLS.
func (p Packet) SetTLS(secured bool) {
	asked := Capabilities(binary.LittleEndian.Uint16(p.Payload())) &^ TLS
	if secured {
		asked |= TLS
	}
	binary.LittleEndian.PutUint16(p.Payload(), uint16(asked))
}

// AppendTLSRequest appends the request for TLS that comes before p, a login through TLS. It
// is the beginning of the login.
func (p Packet) AppendTLSRequest(b []byte, sequence byte) []byte {
	return append(appendHeader(b, tlsRequestSize, sequence), p.Payload()[:tlsRequestSize]...)
}

// SetSequence changes the packet's number in its exchange.
func (p Packet) SetSequence(sequence byte) { p[3] = sequence }

// WantsPassword reports whether p is the request of caching_sha2_password for the password
// itself.
func (p Packet) WantsPassword() bool {
	payload := p.Payload()
	return len(payload) == 2 && payload[0] == firstMore && payload[1] == fullAuthentication
}

// AwaitsAnswer reports whether the server waits for the client's answer to p, a step of the
// authentication. It does, but for the word of caching_sha2_password that the password was
// right.
func (p Packet) AwaitsAnswer() bool {
	payload := p.Payload()
	return len(payload) != 2 || payload[0] != firstMore || payload[1] != fastAuthentication
}

// Switched returns the plugin that a server's packet changes the authentication to; "" if
// it changes none.
func (p Packet) Switched() string {
	payload := p.Payload()
	if len(payload) < 2 || payload[0] != firstSwitch {
		return ""
	}
	c := cursor{rest: payload[1:]}
	return string(c.tail())
}

// The first bytes of packets within an authentication, and the two steps of
// caching_sha2_password that matter here.
const (
	firstMore          = 0x01
	firstSwitch        = 0xfe
	fastAuthentication = 0x03
	fullAuthentication = 0x04
)
