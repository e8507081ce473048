package login

import (
	"errors"
	"io"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/events"
)

// timeoutStub returns the message as the error, or panics.
type timeoutStub struct{ panics bool }

func (s timeoutStub) timeoutError(message string) []byte {
	if s.panics {
		panic("boom")
	}
	return []byte(message)
}

// TestLoginFirst checks that the timer of a login that is over does nothing.
func TestLoginFirst(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	p := service(time.Hour)
	c := newClient(s, &p, timeoutStub{})
	c.startTimer()
	for range 2 { // calling it again changes nothing
		if !c.stopTimer() {
			t.Error("a login in time is taken for one that is too late")
		}
	}
	c.timer.expire()
	if !c.stopTimer() || s.stopped != events.ReasonNone {
		t.Errorf("stopped with %v", s.stopped)
	}
	send(t, s.fromClient, []byte("x"))
	s.client.Close() // resets, because of what was sent; nothing came before
	if b, err := io.ReadAll(s.fromClient); len(b) > 0 {
		t.Errorf("the client got %q, %v", b, err)
	}
}

// TestTimeFirst checks that a login which succeeds after its time is over is not passed on:
// nothing follows the error that the client was sent.
func TestTimeFirst(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	var l *mysqlLogin
	s.ready = func() error {
		l.client.timer.expire() // in the session's own goroutine
		return nil
	}
	m := &MySQL{Service: service(time.Hour)}
	l = &mysqlLogin{protocol: m, session: s}
	l.client = newClient(s, &m.Service, l)
	done := make(chan struct{})
	go func() {
		defer close(done)
		read(t, s.fromClient)
		send(t, s.fromClient, loginPacket("jdoe"))
		if e := mysql.ParseError(read(t, s.fromClient)); e.Code != 1159 {
			t.Errorf("got %+v", e)
		}
		wantEnd(t, s.fromClient)
	}()
	send(t, s.fromServer, append(greeting(), packet(2, okPayload)...))
	established, end := l.run(t.Context())
	<-done
	if established != nil || end == nil || end.Reason != events.ReasonNone || s.stopped != events.ReasonLoginTimeout {
		t.Errorf("got %+v, %+v, stopped with %v", established, end, s.stopped)
	}
}

// TestMutedTimer checks that the timer writes nothing while TLS begins, and stops the
// session all the same.
func TestMutedTimer(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	p := service(time.Hour)
	c := newClient(s, &p, timeoutStub{})
	c.startTimer()
	if !c.timer.mute(true) {
		t.Error("the time is over before it is")
	}
	c.timer.expire()
	if c.timer.mute(false) || c.stopTimer() {
		t.Error("the time is not over after it is")
	}
	wantEnd(t, s.fromClient)
	if s.stopped != events.ReasonLoginTimeout {
		t.Errorf("stopped with %v", s.stopped)
	}
}

// TestPanicOfTimer checks that a panic of the timer's goroutine is guarded.
func TestPanicOfTimer(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	p := service(time.Millisecond)
	c := newClient(s, &p, timeoutStub{panics: true})
	c.startTimer()
	if _, err := s.fromClient.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	if c.stopTimer() {
		t.Error("the time is not over")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.caught != 1 || s.stopped != events.ReasonError {
		t.Errorf("%d panics, stopped with %v", s.caught, s.stopped)
	}
}
