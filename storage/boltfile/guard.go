package boltfile

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Guard calls f, and returns a [*CorruptError] where f panics or faults: bbolt
// panics when a page is damaged, and reads beyond its map where a page number is wrong.
func Guard(path string, f func() error) error {
	_, err := guard(path, f)
	return err
}

// guard calls f, and reports whether it panicked.
func guard(path string, f func() error) (panicked bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
			return
		case interface{ Addr() uintptr }: // of a fault
			err = &CorruptError{File: path, Err: errors.New("a page cannot be read: the file was cut short while it is open, or the disk fails")}
		case runtime.Error:
			err = &CorruptError{File: path, Err: p}
		default:
			err = &CorruptError{File: path, Err: fmt.Errorf("%v", p)}
		}
		panicked = true
	}()
	return false, f()
}

// isCorrupt reports whether an error is a [*CorruptError].
func isCorrupt(err error) bool {
	var e *CorruptError
	return errors.As(err, &e)
}
