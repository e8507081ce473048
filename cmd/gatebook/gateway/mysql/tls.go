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

// The first bytes of packets within an authentication, and the one step of
// caching_sha2_password that matters here.
const (
	firstMore          = 0x01
	firstSwitch        = 0xfe
	fullAuthentication = 0x04
)
