package mysql

// The commands that matter here: the goodbye, the change of user, those that a server does
// not answer, and those that it answers with more than one packet.
const (
	commandQuit           = 0x01
	commandQuery          = 0x03
	commandFieldList      = 0x04
	commandProcessInfo    = 0x0a
	commandChangeUser     = 0x11
	commandBinlogDump     = 0x12
	commandTableDump      = 0x13
	commandPrepare        = 0x16
	commandExecute        = 0x17
	commandSendLongData   = 0x18
	commandCloseStatement = 0x19
	commandFetch          = 0x1c
	commandBinlogDumpGTID = 0x1e
	commandClone          = 0x20
	commandBulkExecute    = 0xfa
	commandMulti          = 0xfe
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
	// opening: the command under way is the only one that is owed an answer.
	opening bool
	// full: the packet under way is of the largest size, so that the next one goes on.
	full bool
	// alone: the next packet is to be a command. stray: it was not.
	alone, stray bool
	// goodbye: the last packet was COM_QUIT, and nothing came after it.
	goodbye bool
	// through: a change of user is followed like any command, and kept. keeping: the packet under
	// way is one. changes are those that nobody has taken, the last one as far as it came.
	through, keeping bool
	changes          []Packet
}

// NewFollower returns a follower that does not stop at a change of user.
func NewFollower() Follower { return Follower{through: true} }

// Follow takes note of the client's next bytes, up to a change of user where it stops there, and
// returns how many they are. The commands among them are owed an answer of a's. A change of user begins there, with its header, of
// which [Follower.Head] was followed before; the follower then stands at its
// start.
func (f *Follower) Follow(p []byte, a *Answers) int {
	for at := 0; at < len(p); {
		f.goodbye = false
		if f.rest == 0 {
			at += f.begin(p[at:], a)
			continue
		}
		if f.first && p[at] == commandChangeUser && !f.through {
			here := min(at, HeaderSize)
			f.have, f.rest, f.first = HeaderSize-here, 0, false
			return at - here
		}
		n := min(f.rest, len(p)-at)
		f.rest -= n
		f.keep(p[at : at+n])
		f.command(p[at], a)
		at += n
	}
	return len(p)
}

// keep keeps what the payload under way has of a change of user, as far as the server would take
// it.
func (f *Follower) keep(p []byte) {
	if f.first {
		f.keeping = f.through && p[0] == commandChangeUser
		if f.keeping {
			f.changes = append(f.changes, append(Packet(nil), f.header[:]...))
		}
	}
	if !f.keeping {
		return
	}
	last := &f.changes[len(f.changes)-1]
	*last = append(*last, p[:min(len(p), MaxPacket-len(*last))]...)
}

// Change takes the oldest change of user that was kept, and returns nil where there is none.
func (f *Follower) Change() Packet {
	if len(f.changes) == 0 {
		return nil
	}
	change := f.changes[0]
	f.changes = f.changes[1:]
	return change
}

// command takes note of the first byte of some payload.
func (f *Follower) command(b byte, a *Answers) {
	f.goodbye = f.quit && b == commandQuit
	if f.first {
		f.asked = f.asked || answered(b)
		f.opening = !a.Owed()
		a.command(b)
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

// Unfinished reports whether the only command that is owed an answer came in part.
func (f *Follower) Unfinished() bool { return f.opening && (f.rest > 0 || f.full) }

// begin takes what p holds of a header, and returns how much that is.
func (f *Follower) begin(p []byte, a *Answers) int {
	n := copy(f.header[f.have:], p)
	f.have += n
	if f.have == HeaderSize {
		f.have = 0
		f.rest = length(f.header[:])
		continues := f.full
		f.full = f.rest == fullPacket
		f.first = f.header[3] == 0 && !continues && !a.inFile
		if a.inFile && f.rest == 0 && !continues {
			a.fileEnded()
		}
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
