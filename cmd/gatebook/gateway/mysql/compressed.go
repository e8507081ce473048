package mysql

// CompressedHeaderSize is what a packet has before its payload where packets are compressed:
// the payload's size, a number, and the size that it has when it is not compressed any more,
// which is 0 for a payload that is not compressed.
const CompressedHeaderSize = HeaderSize + 3

// quitPacket is COM_QUIT, which is too short to be compressed.
const quitPacket = "\x01\x00\x00\x00\x01"

// CompressedFollower follows the compressed packets of a client after its login, by their
// headers, to know its goodbye. The zero value stands at the start of a packet.
type CompressedFollower struct {
	// head collects a header, and the payload of what may be a goodbye; have is how much of
	// it there is.
	head [CompressedHeaderSize + len(quitPacket)]byte
	have int
	// rest is how much of another payload is still to come.
	rest int
	// goodbye: the last packet was COM_QUIT, and nothing came after it.
	goodbye bool
}

// Follow takes note of the client's next bytes.
func (f *CompressedFollower) Follow(p []byte) {
	for len(p) > 0 {
		f.goodbye = false
		if f.rest > 0 {
			n := min(f.rest, len(p))
			f.rest -= n
			p = p[n:]
			continue
		}
		end := CompressedHeaderSize
		if f.have >= CompressedHeaderSize {
			end = len(f.head)
		}
		n := copy(f.head[f.have:end], p)
		f.have += n
		p = p[n:]
		switch {
		case f.have == len(f.head):
			f.goodbye = string(f.head[CompressedHeaderSize:]) == quitPacket
			f.have = 0
		case f.have == CompressedHeaderSize && !f.short():
			f.rest, f.have = length(f.head[:]), 0
		}
	}
}

// short reports whether the packet under way is as long as a goodbye, and not compressed.
func (f *CompressedFollower) short() bool {
	return length(f.head[:]) == len(quitPacket) && length(f.head[HeaderSize:]) == 0
}

// Goodbye reports whether the client's last packet was its goodbye, COM_QUIT.
func (f *CompressedFollower) Goodbye() bool { return f.goodbye }
