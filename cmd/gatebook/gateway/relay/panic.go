package relay

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic that was caught. It wraps nothing: the value of a panic says
// nothing about a connection, even when it is an error.
type PanicError struct {
	// Value is the argument of the call of panic.
	Value any
	// Stack is the stack of the goroutine that panicked, as text.
	Stack []byte
}

// Error returns the value as text, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Catch calls f, and returns the panic that ended it; nil when there was none.
func Catch(f func()) (caught *PanicError) {
	defer func() {
		if value := recover(); value != nil {
			caught = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// guard calls f, and reports whether it returned. A panic in f ends the relay: both
// sockets are closed, and [Run] returns the first panic.
func (r *relay) guard(f func()) bool {
	caught := Catch(f)
	if caught == nil {
		return true
	}
	r.note(caught)
	r.close()
	return false
}

// note keeps a panic, unless there was one before.
func (r *relay) note(caught *PanicError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.caught == nil {
		r.caught = caught
	}
}

// panicked returns the first panic of the relay's goroutines, nil when there was none.
func (r *relay) panicked() *PanicError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caught
}
