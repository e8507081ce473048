package mysql

// The commands that a follower knows: the goodbye, the change of user, and those that a
// server does not answer.
const (
	commandQuit           = 0x01
	commandChangeUser     = 0x11
	commandSendLongData   = 0x18
	commandCloseStatement = 0x19
)

// Follower follows the packets of a client after its login, by their headers
// alone: it copies and keeps nothing of them. The zero value stands at the start
// of a packet.
type Follower struct {
	// header collects a header that came in parts; have is how much of it did.
	header [HeaderSize]byte
	have   int
	// rest is how much of the payload is still to come.
	rest int
	// quit: the packet under way is a goodbye if its payload is COM_QUIT.
	quit bool
	// first: the next byte of the payload is a command's.
	first bool
	// asked: a command came that the server answers.
	asked bool
	// answered: the server answers the last command.
	answered bool
	// alone: the next packet is to be a command. stray: it was not.
	alone, stray bool
	// goodbye: the last packet was COM_QUIT, and nothing came after it.
	goodbye bool
}

// Follow takes note of the client's next bytes, up to a change of user, and
// returns how many they are. A change of user begins there, with its header, of
// which [Follower.Head] was followed before; the follower then stands at its
// start.
func (f *Follower) Follow(p []byte) int {
	for at := 0; at < len(p); {
		f.goodbye = false
		if f.rest == 0 {
			at += f.begin(p[at:])
			continue
		}
		if f.first && p[at] == commandChangeUser {
			here := min(at, HeaderSize)
			f.have, f.rest, f.first = HeaderSize-here, 0, false
			return at - here
		}
		n := min(f.rest, len(p)-at)
		f.rest -= n
		f.command(p[at])
		at += n
	}
	return len(p)
}

// command takes note of the first byte of some payload.
func (f *Follower) command(b byte) {
	f.goodbye = f.quit && b == commandQuit
	if f.first {
		f.answered = b != commandQuit && b != commandSendLongData && b != commandCloseStatement
		f.asked = f.asked || f.answered
	}
	f.first = false
}

// Head returns what was followed of the header of a change of user before Follow
// stopped at it. It is valid until the next call of Follow, which begins after
// the change.
func (f *Follower) Head() []byte {
	head := f.header[:f.have]
	f.have = 0
	return head
}

// Asked reports whether commands that the server answers have come since the last call.
func (f *Follower) Asked() bool {
	asked := f.asked
	f.asked = false
	return asked
}

// Answered reports whether the server answers the client's last command.
func (f *Follower) Answered() bool { return f.answered }

// Between reports whether the client's last bytes end a packet.
func (f *Follower) Between() bool { return f.have == 0 && f.rest == 0 }

// begin takes what p holds of a header, and returns how much that is.
func (f *Follower) begin(p []byte) int {
	n := copy(f.header[f.have:], p)
	f.have += n
	if f.have == HeaderSize {
		f.have = 0
		f.rest = length(f.header[:])
		f.first = f.header[3] == 0
		f.stray = f.stray || f.alone && !f.first
		f.alone = false
		f.quit = f.rest == 1 && f.first
	}
	return n
}

// Alone notes that nothing is under way, so that the next packet has to be a command.
func (f *Follower) Alone() { f.alone = true }

// Stray reports whether another packet came instead, after [Follower.Alone].
func (f *Follower) Stray() bool { return f.stray }

// Goodbye reports whether the client's last packet was its goodbye, COM_QUIT.
func (f *Follower) Goodbye() bool { return f.goodbye }
