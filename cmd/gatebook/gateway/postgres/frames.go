package postgres

import "encoding/binary"

// Frames follows the messages of a server after the login by their headers alone, to
// know where one ends. The zero value stands between two.
type Frames struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// rest is how much of the body is still to come.
	rest int
}

// Follow takes note of the server's next bytes.
func (f *Frames) Follow(p []byte) {
	if f.have > 0 {
		n := copy(f.header[f.have:], p)
		if f.have += n; f.have < HeaderSize {
			return
		}
		p, f.have, f.rest = p[n:], 0, bodySize(f.header[:])
	}
	at := f.rest // where the next header begins
	for at <= len(p)-HeaderSize {
		at += HeaderSize + bodySize(p[at:])
	}
	if f.rest = max(at-len(p), 0); at < len(p) {
		f.have = copy(f.header[:], p[at:])
	}
}

// Between reports whether the server's last bytes end a message.
func (f *Frames) Between() bool { return f.have == 0 && f.rest == 0 }

// bodySize returns the size of what follows a header.
func bodySize(header []byte) int { return int(max(4, binary.BigEndian.Uint32(header[1:]))) - 4 }
