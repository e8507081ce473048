package mysql

import "slices"

// Answers follows which of a client's commands the server has yet to answer. An answer ends
// with an OK, an error or an EOF that announces no further result. The end of the
// column definitions is none, nor is the request for a local file, and the stream of a
// binary log has no end.
type Answers struct {
	// common are the capabilities that client and server have agreed on.
	common Capabilities
	// pending are the commands that are not answered yet, oldest first.
	pending []byte
	// stage is where the answer to the first of them is.
	stage stage
	// left is how many packets of that stage, of those that count, are still to come.
	left int
	// inFile: the client sends a file that the server has asked for.
	inFile bool
	// loose: the server went on after what seemed to be the end of an answer.
	loose bool
	// next is the number of the server's next packet, if the answer goes on.
	next byte
	// unnumbered: the numbers of the server's packets mean nothing.
	unnumbered bool
	// word is the server's last packet if that was an error.
	word *Error
	// changed are the answers to changes of user that nobody has taken, oldest first.
	changed []*Error
}

// stage is where an answer is.
type stage uint8

const (
	// stageFirst: the first packet of a result, or of the only one.
	stageFirst stage = iota
	// stageRows: column definitions or rows, up to as many ends as are left.
	stageRows
	// stageDefinitions: as many definitions as are left.
	stageDefinitions
)

// The flags of a server's status that matter here.
const (
	statusMoreResults = 0x0008
	statusCursor      = 0x0040
)

// The first bytes of packets that a server answers with, besides those of a login.
const (
	firstFile = 0xfb
	firstEnd  = 0xfe
)

// progress is the code of an error that is none: it reports how far a statement is.
const progress = 0xffff

// NewAnswers returns what follows the answers of a connection. common are the capabilities
// that client and server have agreed on.
func NewAnswers(common Capabilities) Answers { return Answers{common: common} }

// NewCompressedAnswers is like [NewAnswers], of a connection whose packets are compressed: the numbers
// of the packets inside begin anew now and then.
func NewCompressedAnswers(common Capabilities) Answers {
	return Answers{common: common, unnumbered: true}
}

// Changed takes the oldest answer to a change of user, if there is one: nil, or the error.
func (a *Answers) Changed() (refused *Error, answered bool) {
	if len(a.changed) == 0 {
		return nil, false
	}
	refused = a.changed[0]
	a.changed = a.changed[1:]
	return refused, true
}

// Owed reports whether the server has yet to end an answer.
func (a *Answers) Owed() bool { return len(a.pending) > 0 || a.loose }

// LastWord returns the error with which the server has ended the connection, nil when the
// last of its packets was none.
func (a *Answers) LastWord() *Error {
	if a.word == nil || !slices.Contains(endings, a.word.Code) {
		return nil
	}
	return a.word
}

// endings are the errors with which a server ends a connection: it shuts down, the
// connection was killed or idle for too long, or a packet was not read or written.
var endings = []uint16{1053, 1079, 1080, 1152, 1153, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1835, 1927, 3169, 4031}

// command notes that the client has begun a command.
func (a *Answers) command(first byte) {
	a.loose = false
	if answered(first) && !a.streams() {
		a.pending = append(a.pending, first)
	}
}

// streams reports whether the server streams a binary log. The acknowledgements that a
// replica sends meanwhile have no answer.
func (a *Answers) streams() bool {
	if len(a.pending) == 0 {
		return false
	}
	switch a.pending[0] {
	case commandBinlogDump, commandTableDump, commandBinlogDumpGTID, commandClone:
		return true
	}
	return false
}

// answered reports whether a server answers a command.
func answered(command byte) bool {
	return command != commandQuit && command != commandSendLongData && command != commandCloseStatement
}

// fileEnded notes that the client has sent the end of its file.
func (a *Answers) fileEnded() { a.inFile = false }

// skips reports whether a server's packet changes nothing: a row or a column definition.
func (a *Answers) skips(sequence, first byte) bool {
	return a.stage == stageRows && first < firstEnd && sequence == a.next
}

// packet notes a packet of the server's: its number, the size of its payload, and the
// first bytes of that.
func (a *Answers) packet(sequence byte, size int, head []byte) {
	expected := a.next
	a.next = sequence + 1
	a.word = nil
	if len(head) == 0 {
		return
	}
	if head[0] == firstError {
		a.failed(head)
		return
	}
	if len(a.pending) == 0 {
		a.loose = sequence > 1 && !a.unnumbered
		return
	}
	if a.stage != stageFirst && sequence == 1 && expected != 1 && !a.unnumbered {
		a.end() // it was over: this is the next one's
		if len(a.pending) == 0 {
			return
		}
	}
	switch a.stage {
	case stageFirst:
		a.first(size, head)
	case stageRows:
		if head[0] == firstEnd && size < a.largestEnd() {
			a.rowsEnded(size, head)
		}
	case stageDefinitions:
		if a.left--; a.left <= 0 {
			a.end()
		}
	}
}

// failed notes an error, which ends an answer, unless it reports progress.
func (a *Answers) failed(head []byte) {
	c := cursor{rest: head[1:]}
	if uint16(c.number(2)) == progress {
		return
	}
	e := parseError(head)
	a.word = &e
	if len(a.pending) > 0 {
		a.noteChanged(&e)
		a.end()
	}
}

// noteChanged notes the answer to the first command if that is a change of user.
func (a *Answers) noteChanged(refused *Error) {
	if a.pending[0] == commandChangeUser {
		a.changed = append(a.changed, refused)
	}
}

// largestEnd returns the size from which on a packet that begins like an end is a row.
func (a *Answers) largestEnd() int {
	if a.common&DeprecateEOF != 0 {
		return fullPacket
	}
	return 9
}

// first notes the first packet of a result.
func (a *Answers) first(size int, head []byte) {
	if a.streams() {
		if head[0] == firstEnd && size < 9 {
			a.end()
		}
		return
	}
	switch a.pending[0] {
	case commandQuery, commandExecute, commandProcessInfo, commandBulkExecute, commandMulti:
		a.result(size, head)
	case commandFieldList, commandFetch:
		a.stage, a.left = stageRows, 1
		if head[0] == firstEnd && size < a.largestEnd() {
			a.rowsEnded(size, head)
		}
	case commandPrepare:
		a.prepared(head)
	case commandChangeUser:
		if head[0] == firstOK { // else the authentication goes on
			a.noteChanged(nil)
			a.end()
		}
	default:
		a.end()
	}
}

// result notes the first packet of a result of a query.
func (a *Answers) result(size int, head []byte) {
	switch {
	case head[0] == firstFile:
		a.inFile = true
	case head[0] == firstOK && size >= leastOK, head[0] == firstEnd:
		a.resultEnded(statusOf(size, head))
	default: // the number of columns
		a.stage, a.left = stageRows, 2
		if a.common&DeprecateEOF != 0 {
			a.left = 1
		}
	}
}

// prepared notes the answer to a statement that is prepared: definitions of its parameters
// and of its columns follow.
func (a *Answers) prepared(head []byte) {
	c := cursor{rest: head}
	c.take(5)
	columns, parameters := int(c.number(2)), int(c.number(2))
	if a.common&DeprecateEOF != 0 {
		a.stage, a.left = stageDefinitions, columns+parameters
	} else {
		a.stage, a.left = stageRows, min(columns, 1)+min(parameters, 1)
	}
	if a.left == 0 {
		a.end()
	}
}

// rowsEnded notes the end of definitions or of rows.
func (a *Answers) rowsEnded(size int, head []byte) {
	status := statusOf(size, head)
	a.left--
	if a.left > 0 && (status&statusCursor == 0 || a.pending[0] == commandPrepare) {
		return
	}
	a.resultEnded(status)
}

// resultEnded notes the end of a result. Another one may follow.
func (a *Answers) resultEnded(status uint16) {
	a.stage = stageFirst
	if status&statusMoreResults == 0 {
		a.end()
	}
}

// end notes that the first command is answered.
func (a *Answers) end() {
	a.stage = stageFirst
	if a.pending = slices.Delete(a.pending, 0, 1); len(a.pending) == 0 && cap(a.pending) > keptCommands {
		a.pending = nil
	}
}

// keptCommands limits the memory that is kept for commands that may come.
const keptCommands = 64

// leastOK is the least size of an OK: one that is smaller ends rows in the older way.
const leastOK = 7

// statusOf returns the status that an OK or an EOF has.
func statusOf(size int, head []byte) uint16 {
	c := cursor{rest: head[1:]}
	if size < leastOK {
		c.take(2) // warnings
		return uint16(c.number(2))
	}
	c.count() // rows
	c.count() // last id
	return uint16(c.number(2))
}

// count takes a length-encoded number.
func (c *cursor) count() uint64 {
	switch first := c.number(1); first {
	case 0xfc:
		return c.number(2)
	case 0xfd:
		return c.number(3)
	case 0xfe:
		return c.number(8)
	default:
		return first
	}
}
