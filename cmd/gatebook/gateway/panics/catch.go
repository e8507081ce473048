package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic that was caught. It wraps nothing: the value of a panic is no error of a
// connection, even when it is an error.
type Error struct {
	// Value is the argument of the call of panic.
	Value any
	// Stack is the stack of the goroutine that panicked, as text.
	Stack []byte
}

// Error returns the value as text, without the stack.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Catch calls f and returns the panic that ended it. It returns nil when f returned.
func Catch(f func()) (caught *Error) {
	defer func() {
		if value := recover(); value != nil {
			caught = &Error{Value: value, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}
