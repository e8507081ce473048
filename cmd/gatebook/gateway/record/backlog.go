package record

import (
	"fmt"
	"sync"

	"gatebook/events"
)

// maxBacklog is how many events of one session may wait to be recorded.
const maxBacklog = 16

// errBehind is why an event of a session is lost behind others that wait.
var errBehind = fmt.Errorf("more than %d events of one session wait", maxBacklog)

// backlog holds the events of one session that are to be recorded while the session goes
// on. One goroutine records them, in order, as long as there are some. The zero value is
// ready for use.
type backlog struct {
	// mu guards the rest.
	mu sync.Mutex
	// waiting are the events to record next, at most maxBacklog.
	waiting []events.Event
	// recorded is closed when the goroutine has ended; nil while there is none.
	recorded chan struct{}
}

// add puts an event at the end, and reports whether the caller has to start the goroutine
// that records. Where there is no room the oldest event that waits is lost, because the
// newest one has the session's present user. The caller counts the loss.
func (b *backlog) add(e events.Event) (start, lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if lost = len(b.waiting) == maxBacklog; lost {
		b.waiting = append(b.waiting[:0], b.waiting[1:]...)
	}
	b.waiting = append(b.waiting, e)
	return b.begin(), lost
}

// start reports whether the caller has to start the goroutine that records: it does unless
// that goroutine runs.
func (b *backlog) start() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.begin()
}

// begin is like start, for a caller that holds mu.
func (b *backlog) begin() bool {
	if b.recorded != nil {
		return false
	}
	b.recorded = make(chan struct{})
	return true
}

// take empties the backlog and returns what it held. It returns nil when that is nothing;
// the goroutine that records then ends.
func (b *backlog) take() []events.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.waiting
	b.waiting = nil
	if len(list) == 0 {
		close(b.recorded)
		b.recorded = nil
	}
	return list
}

// wait blocks until nothing is left to record.
func (b *backlog) wait() {
	if recorded := b.recording(); recorded != nil {
		<-recorded
	}
}

// recording returns the channel that is closed when all is recorded; nil when all is.
func (b *backlog) recording() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recorded
}
