package relay

import "gatebook/cmd/gatebook/gateway/panics"

// guard calls f, and reports whether it returned. A panic in f ends the relay: both
// sockets are closed, and [Relay.Run] returns the first panic.
func (r *Relay) guard(f func()) bool {
	caught := panics.Catch(f)
	if caught == nil {
		return true
	}
	r.note(caught)
	r.close()
	return false
}

// note keeps a panic, unless there was one before.
func (r *Relay) note(caught *panics.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.caught == nil {
		r.caught = caught
	}
}

// panicked returns the first panic of the relay's goroutines, nil when there was none.
func (r *Relay) panicked() *panics.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caught
}
