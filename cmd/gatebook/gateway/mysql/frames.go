package mysql

// Frames follows the packets of a server after the login by their headers alone, to
// know where one ends. The zero value stands between two.
type Frames struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// rest is how much of the payload is still to come. continued: what the packet
	// holds goes on in the next one.
	rest      int
	continued bool
}

// Follow takes note of the server's next bytes.
func (f *Frames) Follow(p []byte) {
	if f.have > 0 {
		n := copy(f.header[f.have:], p)
		if f.have += n; f.have < HeaderSize {
			return
		}
		p, f.have, f.rest = p[n:], 0, f.begin(f.header[:])
	}
	at := f.rest // where the next header begins
	for at <= len(p)-HeaderSize {
		at += HeaderSize + f.begin(p[at:])
	}
	if f.rest = max(at-len(p), 0); at < len(p) {
		f.have = copy(f.header[:], p[at:])
	}
}

// begin takes a header, and returns the size of what follows it.
func (f *Frames) begin(header []byte) int {
	n := length(header)
	f.continued = n == fullPacket
	return n
}

// Between reports whether the server's last bytes end a packet, and what that holds is
// whole.
func (f *Frames) Between() bool { return f.have == 0 && f.rest == 0 && !f.continued }
