package journal

import (
	"fmt"
	"sync/atomic"

	"gatebook/storage"
)

// LogFile notices that the log's file is no longer the one at its path, because it was
// removed or replaced: a process keeps the file it has opened, and what it writes there
// is not found again. The zero value watches nothing.
type LogFile struct {
	// present returns an error once the file is gone; nil where there is no file.
	present func() error
	gone    atomic.Pointer[error]
}

// Watch returns the file of a log whose presence is looked up by present.
func Watch(present func() error) *LogFile { return &LogFile{present: present} }

// Check looks whether the file is there. From the time on that it is gone nothing is
// recorded. It returns the error the first time.
func (f *LogFile) Check() error {
	if f.present == nil || f.gone.Load() != nil {
		return nil
	}
	err := f.present()
	if err != nil {
		err = fmt.Errorf("the log's file is gone: %w; put it back, or restart", err)
		f.gone.Store(&err)
	}
	return err
}

// Err returns [storage.ErrReadOnly] once the file is gone.
func (f *LogFile) Err() error {
	if gone := f.gone.Load(); gone != nil {
		return fmt.Errorf("%w: %w", storage.ErrReadOnly, *gone)
	}
	return nil
}
