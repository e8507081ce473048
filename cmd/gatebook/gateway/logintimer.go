package gateway

import (
	"fmt"
	"sync"
	"time"

	"gatebook/events"
)

// loginTimer ends a session whose login takes too long, with an error for the client.
// The login and the timer run in two goroutines. The timer's lock decides which of them
// came first, once: the other one then does nothing. So the timer never writes to a
// client that has heard the outcome of its login, nor ends its session.
type loginTimer struct {
	session *session
	limit   time.Duration
	// timer is used by the session's goroutine.
	timer *time.Timer

	// mu guards the rest. The timer holds it while it acts, at most for farewellTime.
	mu sync.Mutex
	// decided: the login is over, or its time is, which expired says.
	decided, expired bool
	// handshaking: TLS begins with the client, which could not read an error now.
	handshaking bool
}

// startLogin gives a login its time, from now on. It is over when [session.inTime] is
// called.
func (s *session) startLogin() {
	t := &loginTimer{session: s, limit: s.service.LoginTimeout}
	s.timer = t
	t.timer = time.AfterFunc(t.limit, func() {
		_ = s.Guard(func() error { t.expire(); return nil })
	})
}

// inTime ends the time of the login that was started last, if there is one, and reports
// whether it ended before its time was over. Otherwise the session is stopped and the
// client was told: nothing may be written to it any more. The login's outcome is
// written only after this call. Calling it again changes nothing.
func (s *session) inTime() bool { return s.timer == nil || s.timer.stop() }

// stop ends the time, unless it is over, and reports whether it was not. While the
// timer acts it waits.
func (t *loginTimer) stop() bool {
	t.timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decided = true
	return !t.expired
}

// expire tells the client that its time is over and stops the session, unless the login
// is over.
func (t *loginTimer) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.decided {
		return
	}
	t.decided, t.expired = true, true
	if !t.handshaking {
		t.tell()
	}
	t.session.stop(events.ReasonLoginTimeout)
}

// tell writes to the client that its time is over. Its caller holds mu.
func (t *loginTimer) tell() {
	s := t.session
	message := fmt.Sprintf("the login took longer than %s", t.limit)
	if said := s.say(byte(s.sequence.Load()), wordsFor(events.ReasonLoginTimeout), message); said != nil {
		s.shout(said)
	}
}

// handshake calls f, which makes the handshake of TLS with the client. Meanwhile the
// timer writes nothing to the client. It reports false, and f is not called, when the
// time of the login is over.
func (s *session) handshake(f func()) bool {
	if s.timer == nil {
		f()
		return true
	}
	if !s.timer.setHandshaking(true) {
		return false
	}
	defer s.timer.setHandshaking(false)
	f()
	return true
}

// setHandshaking notes whether a handshake is under way. It reports false when the time
// is over.
func (t *loginTimer) setHandshaking(is bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handshaking = is
	return !t.expired
}
