package mysql

// Frames follows the packets of a server after the login by their headers and first bytes,
// to know where one ends and which answers have ended. The zero value stands between two.
type Frames struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// size is that of the payload under way, and rest how much of it is still to come.
	// continued: what the packet holds goes on in the next one.
	size, rest int
	continued  bool
	// head collects the first bytes of a payload that came in parts. heading: it does.
	head    []byte
	heading bool
}

// How much of a payload is read: of an OK up to its status, of an error its text too.
const (
	headSize  = 24
	errorSize = 512
)

// Follow takes note of the server's next bytes.
func (f *Frames) Follow(p []byte, a *Answers) {
	for len(p) > 0 {
		switch {
		case f.heading:
			p = f.collect(p, a)
		case f.rest > 0:
			n := min(f.rest, len(p))
			f.rest -= n
			p = p[n:]
		case f.have == 0 && len(p) > HeaderSize:
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

// whole takes packets from p, which begins with a header, as long as p has enough of them,
// and returns what is left.
func (f *Frames) whole(p []byte, a *Answers) []byte {
	for len(p) > HeaderSize {
		size := length(p)
		if f.continued || size == fullPacket || !a.skips(p[3], p[HeaderSize]) || len(p) < HeaderSize+size {
			f.begin(p, a)
			return p[HeaderSize:]
		}
		a.next++
		p = p[HeaderSize+size:]
	}
	return p
}

// begin takes a header.
func (f *Frames) begin(header []byte, a *Answers) {
	copy(f.header[:], header)
	goesOn := f.continued
	f.size = length(header)
	f.rest, f.continued = f.size, f.size == fullPacket
	f.heading = !goesOn && f.size > 0
	if !f.heading {
		a.next = header[3] + 1
	}
}

// collect takes what is missing of the first bytes of a payload, and returns what follows.
// It copies only what came in parts.
func (f *Frames) collect(p []byte, a *Answers) []byte {
	first := p[0]
	if len(f.head) > 0 {
		first = f.head[0]
	}
	wanted := headSize
	if first == firstError {
		wanted = errorSize
	}
	wanted = min(wanted, f.size)
	n := min(wanted-len(f.head), len(p))
	head := p[:n]
	if len(f.head) > 0 || n < wanted {
		f.head = append(f.head, head...)
		head = f.head
	}
	f.rest -= n
	if len(head) == wanted {
		a.packet(f.header[3], f.size, head)
		f.head, f.heading = nil, false
	}
	return p[n:]
}

// Between reports whether the server's last bytes end a packet, and what that holds is
// whole.
func (f *Frames) Between() bool { return f.have == 0 && f.rest == 0 && !f.continued }
