package postgres

import "encoding/binary"

// Frames follows the messages of a server after the login by their headers alone, and reads
// its errors, to know where a message ends and what is answered. The zero value stands
// between two.
type Frames struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// rest is how much of the body is still to come.
	rest int
	// failing: the message under way is an error. body is what is read of it.
	failing bool
	body    []byte
}

// errorSize limits what is read of an error: its text is near its head.
const errorSize = 1 << 10

// Follow takes note of the server's next bytes.
func (f *Frames) Follow(p []byte, a *Answers) {
	for len(p) > 0 {
		switch {
		case f.rest > 0:
			p = f.skip(p, a)
		case f.have == 0 && len(p) >= HeaderSize:
			p = f.whole(p, a)
		default:
			n := copy(f.header[f.have:], p)
			p = p[n:]
			if f.have += n; f.have == HeaderSize {
				f.have = 0
				f.begin(f.header[:], a)
			}
		}
	}
}

// whole takes rows from p, which begins with a header, as long as p has all of them, and
// then another header. It returns what is left.
func (f *Frames) whole(p []byte, a *Answers) []byte {
	for len(p) >= HeaderSize {
		size := HeaderSize + bodySize(p)
		if p[0] != typeRow || len(p) < size {
			f.begin(p, a)
			return p[HeaderSize:]
		}
		p = p[size:]
	}
	return p
}

// begin takes a header.
func (f *Frames) begin(header []byte, a *Answers) {
	kind := header[0]
	f.rest = bodySize(header)
	f.failing = kind == TypeError
	f.body = nil
	switch kind {
	case typeNotice, typeParameter, typeNotification: // they come at any time
	default:
		a.word = nil
	}
	a.received(kind)
}

// skip takes what p has of a body, and returns what follows.
func (f *Frames) skip(p []byte, a *Answers) []byte {
	n := min(f.rest, len(p))
	f.rest -= n
	if f.failing {
		f.body = append(f.body, p[:min(n, errorSize-len(f.body))]...)
		if f.rest == 0 {
			a.failed(f.body)
			f.failing, f.body = false, nil
		}
	}
	return p[n:]
}

// failed notes the body of an error.
func (a *Answers) failed(body []byte) {
	if e := parseError(body); e.Severity == "FATAL" || e.Severity == "PANIC" {
		a.word = &e
	}
}

// Between reports whether the server's last bytes end a message.
func (f *Frames) Between() bool { return f.have == 0 && f.rest == 0 }

// bodySize returns the size of what follows a header.
func bodySize(header []byte) int { return int(max(4, binary.BigEndian.Uint32(header[1:]))) - 4 }
