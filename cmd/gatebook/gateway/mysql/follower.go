package mysql

// commandQuit is the command a client says goodbye with.
const commandQuit = 0x01

// Follower follows the packets of a client after its login, by their headers
// alone: it copies and keeps nothing of them. The zero value stands at the start
// of a packet.
type Follower struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// rest is how much of the payload is still to come.
	rest int
	// quit: the packet under way is a goodbye if its payload says so.
	quit bool
	// goodbye: the last packet was one, and nothing came after it.
	goodbye bool
}

// Follow takes note of the client's next bytes.
func (f *Follower) Follow(p []byte) {
	for len(p) > 0 {
		f.goodbye = false
		if f.rest == 0 {
			p = f.begin(p)
			continue
		}
		n := min(f.rest, len(p))
		f.rest -= n
		f.goodbye = f.quit && p[0] == commandQuit
		p = p[n:]
	}
}

// begin takes what p holds of a header.
func (f *Follower) begin(p []byte) []byte {
	n := copy(f.header[f.have:], p)
	f.have += n
	if f.have == HeaderSize {
		f.have = 0
		f.rest = length(f.header[:])
		f.quit = f.rest == 1 && f.header[3] == 0
	}
	return p[n:]
}

// Goodbye tells whether the last thing the client sent was its goodbye.
func (f *Follower) Goodbye() bool { return f.goodbye }
