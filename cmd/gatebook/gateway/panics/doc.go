// Package panics turns a panic into an error, with the stack of the goroutine that
// panicked.
//
// It is for goroutines that serve one of many sessions, where a panic must end that
// session and not the program. It knows no session: its caller decides
// what ends. [Catch] runs its function in the calling goroutine.
package panics
