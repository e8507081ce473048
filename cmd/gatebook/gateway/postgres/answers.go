package postgres

// Answers follows what the server has yet to answer. It owes ReadyForQuery to each Query,
// Sync and FunctionCall, and what a client asks to be flushed before. A copy is no end:
// the server has yet to say how it went.
type Answers struct {
	// cycles is how many times ReadyForQuery is owed. simple: the last message that asked
	// for it was no Sync.
	cycles int
	simple bool
	// steps is how many messages of the extended protocol the client has sent since then and the
	// server has not answered, and flushed is whether the client waits for those. The server
	// comes to them when it owes no ReadyForQuery any more.
	steps   int
	flushed bool
	// skipping: one of them has failed, so that the server skips the others up to a Sync.
	skipping bool
	// copying: the client sends a copy, or copies go both ways. The server then ignores
	// Sync and Flush.
	copying bool
	// word is the server's last message if that was an error that ends the session.
	word *Error
}

// Owed reports whether the server has yet to end an answer.
func (a *Answers) Owed() bool { return a.cycles > 0 || a.copying || a.flushed && a.steps > 0 }

// LastWord returns the error with which the server has ended the session, nil when its last
// message was none.
func (a *Answers) LastWord() *Error { return a.word }

// The types of messages of an established session that matter here.
const (
	typeQuery        = 'Q'
	typeFunctionCall = 'F'
	typeSync         = 'S'
	typeFlush        = 'H'
	typeParse        = 'P'
	typeBind         = 'B'
	typeDescribe     = 'D'
	typeExecute      = 'E'
	typeClose        = 'C'
	typeCopyDone     = 'c'
	typeCopyFail     = 'f'

	typeCopyIn       = 'G'
	typeCopyBoth     = 'W'
	typeParsed       = '1'
	typeBound        = '2'
	typeClosed       = '3'
	typeRows         = 'T'
	typeRow          = 'D'
	typeNoRows       = 'n'
	typeCompleted    = 'C'
	typeSuspended    = 's'
	typeEmptyQuery   = 'I'
	typeNotice       = 'N'
	typeParameter    = 'S'
	typeNotification = 'A'
)

// sent notes the type of a message of the client's.
func (a *Answers) sent(kind byte) {
	switch kind {
	case typeQuery, typeFunctionCall:
		if !a.skipping {
			a.asked(true)
		}
	case typeSync:
		if !a.copying {
			a.asked(false)
		}
	case typeFlush:
		a.flushed = a.flushed || !a.copying
	case typeParse, typeBind, typeDescribe, typeExecute, typeClose:
		if !a.skipping {
			a.steps++
		}
	case typeCopyDone, typeCopyFail:
		a.copying = false
	}
}

// asked notes a message that asks for ReadyForQuery. simple: it is no Sync.
func (a *Answers) asked(simple bool) {
	a.cycles++
	a.simple = simple
	a.steps, a.flushed, a.skipping = 0, false, false
}

// received notes the type of a message of the server's.
func (a *Answers) received(kind byte) {
	switch kind {
	case TypeReady:
		a.copying = false
		a.cycles = max(a.cycles-1, 0)
	case TypeError:
		a.skip()
	case typeCopyIn, typeCopyBoth:
		a.copies()
	case typeParsed, typeBound, typeClosed, typeRows, typeNoRows, typeCompleted, typeSuspended, typeEmptyQuery:
		if a.cycles == 0 {
			a.steps = max(a.steps-1, 0)
		}
	}
}

// skip notes an error, behind which the server skips messages up to the next Sync. It skips none
// behind the copy of a Query.
func (a *Answers) skip() {
	copying := a.copying
	a.copying = false
	if a.cycles == 0 {
		a.skipping = a.steps > 0 || copying && !a.simple
		a.steps = 0
	}
}

// copies notes that a copy from the client has begun. A Query ends after it. A Sync that
// the client has sent behind the statement is ignored, and the one behind the copy counts.
func (a *Answers) copies() {
	if a.simple && a.cycles > 0 {
		a.cycles = 1
	} else {
		a.cycles = 0
	}
	a.copying = true
}
