package gatebook

import (
	"slices"
	"sync"

	"gatebook/events"
)

// waiters are the calls that wait for the end of a session.
type waiters struct {
	mu    sync.Mutex                 // guards the field below
	ended map[uint64][]chan struct{} // closed when that session ends
}

func newWaiters() *waiters { return &waiters{ended: make(map[uint64][]chan struct{})} }

// add returns a channel that is closed when the session ends. Its caller removes it.
func (w *waiters) add(id uint64) chan struct{} {
	c := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[id] = append(w.ended[id], c)
	return c
}

func (w *waiters) remove(id uint64, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.ended[id], func(other chan struct{}) bool { return other == c })
	if w.ended[id] = left; len(left) == 0 {
		delete(w.ended, id)
	}
}

// observe wakes the calls that wait for sessions which a batch ends.
func (w *waiters) observe(batch []events.Record) {
	for i := range batch {
		switch batch[i].Event.(type) {
		case *events.SessionClosed, *events.SessionLost:
			w.wake(batch[i].Session)
		}
	}
}

func (w *waiters) wake(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.ended[id] {
		close(c)
	}
	delete(w.ended, id)
}
