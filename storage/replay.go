package storage

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"gatebook/events"
	"gatebook/events/wire"
)

// readFunc reads the records after a sequence into a buffer.
type readFunc func(after uint64, buffer []events.Record, coder *events.Coder) (int, error)

// replay delivers the records of a file after the given sequence up to head, page
// by page.
func replay(file string, read readFunc, after, head uint64, deliver Deliver) error {
	if after > head {
		return &CorruptError{File: file, Err: fmt.Errorf("it ends at record %d, but record %d was read from it before", head, after)}
	}
	coder := &events.Coder{Strings: new(wire.Strings)}
	buffer := make([]events.Record, replayPage)
	for after < head {
		n, err := read(after, buffer, coder)
		if err != nil {
			return err
		}
		if n == 0 {
			return &CorruptError{File: file, Sequence: after + 1, Err: fmt.Errorf("it is missing, the head is %d", head)}
		}
		if err := deliver(buffer[:n]); err != nil {
			return err
		}
		after += uint64(n)
	}
	return nil
}

// warm reads a file from front to back, so that the map finds it in memory.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read ahead: %w", err)
	}
	defer f.Close() // nothing was written
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("read ahead: %w", err)
	}
	return nil
}

// guard runs f, and turns what bbolt does about a damaged file, panics and
// faults of its map, into a *CorruptError.
func guard(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = &CorruptError{File: path, Err: p}
		default:
			err = &CorruptError{File: path, Err: fmt.Errorf("%v", p)}
		}
	}()
	return f()
}
