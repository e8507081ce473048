package login

import (
	"fmt"
	"sync"
	"time"

	"gatebook/events"
)

// timer ends a session whose login takes too long, with an error for the client. The login
// and the timer run in two goroutines. The timer's lock decides which of them came first,
// once: the other one then does nothing. So the timer never writes to a client that was
// sent the outcome of its login, nor ends its session.
type timer struct {
	client *client
	limit  time.Duration
	// timer is used by the session's goroutine.
	timer *time.Timer

	// mu guards the rest. The timer holds it while it acts, at most for noticeTime.
	mu sync.Mutex
	// decided: the login is over, or its time is. expired: it was its time.
	decided, expired bool
	// muted: TLS begins with the client, which could not read an error now.
	muted bool
}

// startTimer gives the login its time, from now on.
func (c *client) startTimer() {
	t := &timer{client: c, limit: c.service.LoginTimeout}
	c.timer = t
	t.timer = time.AfterFunc(t.limit, func() {
		_ = c.session.Guard(func() error { t.expire(); return nil })
	})
}

// stopTimer ends the time of the login, if it has one, and reports whether it ended before
// its time was over. Otherwise the session is stopped and the client was sent an error:
// nothing may be written to it any more. The outcome of a login is written only after this
// call. Calling it again changes nothing. While the timer acts it waits.
func (c *client) stopTimer() bool { return c.timer == nil || c.timer.stop() }

// stop ends the time, unless it is over, and reports whether it was not.
func (t *timer) stop() bool {
	t.timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decided = true
	return !t.expired
}

// expire sends the client an error and stops the session, unless the login is over.
func (t *timer) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.decided {
		return
	}
	t.decided, t.expired = true, true
	if !t.muted {
		t.notify()
	}
	t.client.session.Stop(events.ReasonLoginTimeout)
}

// notify sends the client the error. Its caller holds mu.
func (t *timer) notify() {
	if b := t.client.errors.timeoutError(fmt.Sprintf("the login took longer than %s", t.limit)); b != nil {
		t.client.writeErrorAsync(b)
	}
}

// mute has the timer write nothing to the client, or write again. It reports false when
// the time of the login is over.
func (t *timer) mute(muted bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.muted = muted
	return !t.expired
}
