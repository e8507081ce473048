package mysql

import (
	"encoding/binary"
	"fmt"
)

// Capabilities are the features that a server offers and a client uses, the standard 32
// bits. MariaDB's extended ones never matter to a login.
type Capabilities uint32

// The capabilities that shape a login.
const (
	ConnectWithDB     Capabilities = 1 << 3
	Compress          Capabilities = 1 << 5
	Protocol41        Capabilities = 1 << 9
	TLS               Capabilities = 1 << 11
	SecureConnection  Capabilities = 1 << 15
	PluginAuth        Capabilities = 1 << 19
	ConnectAttributes Capabilities = 1 << 20
	LengthEncodedAuth Capabilities = 1 << 21
	DeprecateEOF      Capabilities = 1 << 24
	CompressZstd      Capabilities = 1 << 26
)

// Hidden are the capabilities that a client is not offered: with TLS the login could not be
// read, with compression everything after it.
const Hidden = TLS | Compress | CompressZstd

// Greeting is what the gateway needs of the packet that a server begins with.
type Greeting struct {
	// ThreadID is the server's number for the connection.
	ThreadID uint32
	// Capabilities are what the server offers, the hidden ones included.
	Capabilities Capabilities

	// low and high are where the two halves of the capabilities stand in the
	// payload; high is 0 when there is no second half.
	low, high int
}

// ParseGreeting reads a server's first packet. It may be an error instead: look
// at [ReplyOf] first.
func ParseGreeting(p Packet) (Greeting, error) {
	c := cursor{rest: p.Payload()}
	if version := c.number(1); version != 10 {
		return Greeting{}, fmt.Errorf("%w: a greeting of version %d", ErrMalformed, version)
	}
	var g Greeting
	c.terminated() // the server's version
	g.ThreadID = uint32(c.number(4))
	c.take(8 + 1) // first part of the scramble, filler
	g.low = len(p) - len(c.rest)
	g.Capabilities = Capabilities(c.number(2))
	if c.short {
		return Greeting{}, fmt.Errorf("%w: a greeting cut short", ErrMalformed)
	}
	c.take(1 + 2) // character set, status
	if len(c.rest) >= 2 {
		g.high = len(p) - len(c.rest)
		g.Capabilities |= Capabilities(c.number(2)) << 16
	}
	return g, nil
}

// Withhold takes capabilities out of p, the packet from which g was read.
func (g Greeting) Withhold(p Packet, hidden Capabilities) {
	offered := g.Capabilities &^ hidden
	binary.LittleEndian.PutUint16(p[g.low:], uint16(offered))
	if g.high > 0 {
		binary.LittleEndian.PutUint16(p[g.high:], uint16(offered>>16))
	}
}
