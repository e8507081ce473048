package postgres

import "encoding/binary"

// Follower follows the messages of a client after its login, by their headers
// alone: it copies and keeps nothing of them. The zero value stands at the start
// of a message.
type Follower struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// rest is how much of the body is still to come.
	rest uint32
	// opening: the message under way is the only one that is owed an answer.
	opening bool
	// goodbye: the last message was Terminate, and nothing came after it.
	goodbye bool
}

// Follow takes note of the client's next bytes, and in a of what is owed an answer.
func (f *Follower) Follow(p []byte, a *Answers) {
	for len(p) > 0 {
		f.goodbye = false
		if f.rest == 0 {
			p = f.begin(p, a)
			continue
		}
		n := min(uint64(f.rest), uint64(len(p)))
		f.rest -= uint32(n)
		p = p[n:]
	}
}

// begin takes what p holds of a header.
func (f *Follower) begin(p []byte, a *Answers) []byte {
	n := copy(f.header[f.have:], p)
	f.have += n
	if f.have == HeaderSize {
		f.have = 0
		f.rest = max(4, binary.BigEndian.Uint32(f.header[1:])) - 4
		owed := a.Owed()
		a.sent(f.header[0])
		f.opening = !owed && a.Owed()
		f.goodbye = f.header[0] == TypeTerminate && f.rest == 0
	}
	return p[n:]
}

// Goodbye reports whether the client's last message was its goodbye, Terminate.
func (f *Follower) Goodbye() bool { return f.goodbye }

// Unfinished reports whether the only message that is owed an answer came in part.
func (f *Follower) Unfinished() bool { return f.opening && f.rest > 0 }
