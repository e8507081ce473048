package login

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
)

// maxAhead limits what is read ahead of a client while its packets wait for the end of the
// login. Behind more than that the client's end is not seen here.
const maxAhead = 64 << 10

// answers carries a client's packets to the server during a login, in a goroutine of its own.
// An answer passes at once, and so does the client's goodbye. Whatever else the client sends
// passes when the server waits for an answer, because the server takes it for one. Otherwise it
// could be a command, which waits until the session is on the record. The client is read all
// the time, so that its end is noticed.
type answers struct {
	dialect
	from *packets
	to   *Server
	// running waits for the goroutine.
	running sync.WaitGroup
	// wake, of capacity 1, has an element when the state below has changed.
	wake chan struct{}

	// mu guards the rest while the goroutine runs.
	mu sync.Mutex
	// owed is how many answers the server still waits for.
	owed int
	// holding: the goroutine waits until something has changed. stopping: it is to end.
	holding, stopping bool
	// vet returns why an answer may not pass, or nil; nil lets all pass.
	vet func(answer []byte) *ending.Ending
	// goodbye: the client has said goodbye, and the server was told. abandoned: the server
	// took that for an answer.
	goodbye, abandoned bool
	// err is what was wrong with the client. refused is what vet has returned.
	err     error
	refused *ending.Ending
}

// newAnswers returns what carries the packets of from to a server.
func newAnswers(d dialect, from *packets, to *Server) *answers {
	return &answers{dialect: d, from: from, to: to, wake: make(chan struct{}, 1)}
}

// start begins to carry.
func (a *answers) start(s Session) {
	a.stopping = false
	a.running.Go(func() {
		if err := s.Guard(a.run); err != nil {
			a.mu.Lock()
			a.err = err
			a.mu.Unlock()
		}
	})
}

// stop ends the carrying, and waits for that.
func (a *answers) stop() {
	a.mu.Lock()
	a.stopping = true
	a.interrupt()
	a.mu.Unlock()
	a.running.Wait()
	_ = a.from.conn.SetReadDeadline(time.Time{})
}

// asked notes that the server waits for one more answer. vet is called with it; nil lets it
// pass.
func (a *answers) asked(vet func(answer []byte) *ending.Ending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owed++
	a.vet = vet
	a.abandoned = a.abandoned || a.goodbye
	if a.holding {
		a.interrupt()
	}
}

// interrupt wakes the goroutine. Its caller holds mu.
func (a *answers) interrupt() {
	_ = a.from.conn.SetReadDeadline(time.Unix(1, 0))
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run carries until it is stopped. When the client is gone, or its answer is refused, the
// wait for the server ends soon. It returns no error.
func (a *answers) run() error {
	for {
		packet, err := a.next()
		if err == nil && packet != nil {
			err = a.pass(packet)
		}
		switch {
		case err == nil:
		case errors.Is(err, errStopping):
			return nil
		default:
			a.fail(err)
			return nil
		}
	}
}

// errStopping ends the goroutine.
var errStopping = errors.New("the carrying of answers is to end")

// lastWord is how long a server may take to say how the login of a client has ended that is gone.
const lastWord = time.Second

// fail notes what was wrong with the client, and ends the wait for the server. A server whose
// client has gone learns that by the end of what it is sent. One that has all it needs for the
// login says soon how it has ended, which is on the record then.
func (a *answers) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
	if a.refused != nil {
		_ = a.to.Conn.SetReadDeadline(time.Unix(1, 0)) // the client is sent the reason first
		return
	}
	_ = a.to.Conn.CloseWrite()
	_ = a.to.Conn.SetReadDeadline(time.Now().Add(lastWord))
}

// next blocks until a packet may pass, and takes it. It returns nil when something has
// changed, so that it is to be called again.
func (a *answers) next() ([]byte, error) {
	head, err := a.from.head(a.headSize)
	if err != nil {
		return nil, a.waking(err)
	}
	if !a.belongs(head) {
		goodbye, err := a.from.begins(a.goodbyePacket)
		if err != nil {
			return nil, a.waking(err)
		}
		if !a.mayPass(goodbye) {
			return nil, a.hold()
		}
	}
	packet, err := a.from.next()
	if err != nil {
		return nil, a.waking(err)
	}
	return packet, nil
}

// mayPass reports whether a packet that is no answer may pass now: when the server takes it
// for one, or when it is the client's first goodbye. Otherwise the goroutine holds it.
func (a *answers) mayPass(goodbye bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := goodbye && !a.goodbye
	a.goodbye = a.goodbye || goodbye
	a.abandoned = a.abandoned || goodbye && a.owed > 0
	a.holding = !first && a.owed == 0
	return !a.holding
}

// waking returns the error of a read, or nil where that only was to wake the goroutine. It
// returns errStopping when the goroutine is to end.
func (a *answers) waking(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		return errStopping
	}
	return a.from.conn.SetReadDeadline(time.Time{})
}

// hold reads ahead while the packet at the head has to wait, and returns when something has
// changed. Behind a packet that waits the client's end is the relay's to deal with, as in an
// established session.
func (a *answers) hold() error {
	err := error(os.ErrDeadlineExceeded)
	if a.from.size() < maxAhead {
		err = a.from.fill()
	} else {
		<-a.wake
	}
	if errors.Is(err, io.EOF) {
		<-a.wake
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		return a.waking(err)
	}
	return nil
}

// pass writes a packet to the server. The server's goroutine finds out when that fails.
func (a *answers) pass(packet []byte) error {
	a.mu.Lock()
	vet := a.vet
	a.owed = max(a.owed-1, 0)
	a.vet = nil
	a.mu.Unlock()
	if vet != nil {
		if end := vet(packet); end != nil {
			a.mu.Lock()
			a.refused = end
			a.mu.Unlock()
			return errRefused
		}
	}
	if _, err := a.to.Conn.Write(packet); err != nil {
		return errStopping
	}
	return nil
}

// errRefused is the error of an answer that must not pass.
var errRefused = errors.New("an answer that must not pass")

// outcome returns what was wrong with the client: why its answer was refused, or else the
// error of reading from it. It is called when the goroutine has ended.
func (a *answers) outcome() (refused *ending.Ending, err error) { return a.refused, a.err }

// saidGoodbye reports whether the client has said goodbye, and whether the server took that for
// an answer.
func (a *answers) saidGoodbye() (said, abandoned bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.goodbye, a.abandoned
}
