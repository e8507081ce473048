package mysql

import (
	"errors"
	"fmt"
)

const (
	// HeaderSize is what a packet has before its payload.
	HeaderSize = 4
	// MaxPacket limits a packet of the login, header included. The largest
	// things in one are the attributes (64 KiB in all clients) and a ticket of
	// an authentication plugin (64 KiB).
	MaxPacket = 160 << 10
	// fullPacket is the longest payload of a packet; one that long goes on in the
	// next.
	fullPacket = 1<<24 - 1
)

// ErrMalformed is the cause of every error of this package.
var ErrMalformed = errors.New("not the MySQL protocol")

// Packet is one whole packet, with its header.
type Packet []byte

// Frame returns the size of the packet at the head of b, header included, or 0
// when b is too short to have its header. b need not hold all of the packet.
func Frame(b []byte) (int, error) {
	if len(b) < HeaderSize {
		return 0, nil
	}
	size := HeaderSize + length(b)
	if size > MaxPacket {
		return 0, fmt.Errorf("%w: a packet of %d bytes in a login", ErrMalformed, size)
	}
	return size, nil
}

// Goodbye returns the packet by which a client ends its session, COM_QUIT.
func Goodbye() Packet { return Packet{1, 0, 0, 0, commandQuit} }

// Sequence returns the packet's number in its exchange.
func (p Packet) Sequence() byte { return p[3] }

// Payload returns what follows the header.
func (p Packet) Payload() []byte { return p[HeaderSize:] }

// appendHeader appends the header of a payload of n bytes.
func appendHeader(b []byte, n int, sequence byte) []byte {
	return append(b, byte(n), byte(n>>8), byte(n>>16), sequence)
}

// length returns the payload's length, by the header at the head of b.
func length(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
