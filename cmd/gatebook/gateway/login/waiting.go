package login

import (
	"sync/atomic"
	"time"

	"gatebook/events"
)

// Waiting is whether the server owes the client of an established session an answer.
type Waiting struct {
	Owed bool
	// Since is when that began, or when the last answer ended.
	Since events.Time
	// Known is whether the protocol shows it. Otherwise Owed is a guess.
	Known bool
}

// waiting keeps whether an answer is owed, and since when. Any goroutine may read it.
type waiting struct {
	// state is the time, shifted by one bit, and whether an answer is owed.
	state atomic.Int64
}

// set notes whether an answer is owed now. One goroutine calls it at a time.
func (w *waiting) set(owed bool) {
	before := w.state.Load()
	if before != 0 && (before&1 == 1) == owed {
		return
	}
	state := int64(events.TimeOf(time.Now())) << 1
	if owed {
		state |= 1
	}
	w.state.Store(state)
}

// get returns what set has noted.
func (w *waiting) get() Waiting {
	state := w.state.Load()
	return Waiting{Owed: state&1 == 1, Since: events.Time(state >> 1), Known: true}
}
