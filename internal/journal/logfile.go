package journal

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"gatebook/storage"
)

// errLogGone reports that the log's file is not where it was: what is appended to it
// would be gone with the process.
var errLogGone = errors.New("the log's file has been removed or replaced while it was in use; put it back, or restart")

// LogFile notices that the log's file is no longer the one at its path, because it was
// removed or replaced: a process keeps the file it has opened, and what it writes there
// is not found again. The zero value watches nothing.
type LogFile struct {
	path   string
	opened os.FileInfo // the file when it was opened; nil where there is none
	gone   atomic.Bool
}

// Watch returns the file at a path as it is now, which the log is then opened from.
func Watch(path string) (*LogFile, error) {
	opened, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return &LogFile{path: path, opened: opened}, nil
}

// Check looks at the path. From the time on that the file is gone nothing is recorded.
// It returns the error the first time.
func (f *LogFile) Check() error {
	if f.opened == nil || f.gone.Load() {
		return nil
	}
	now, err := os.Stat(f.path)
	if err == nil && os.SameFile(f.opened, now) {
		return nil
	}
	f.gone.Store(true)
	return fmt.Errorf("%s: %w", f.path, errLogGone)
}

// Err returns [storage.ErrReadOnly] once the file is gone.
func (f *LogFile) Err() error {
	if f.gone.Load() {
		return fmt.Errorf("%w: %s: %w", storage.ErrReadOnly, f.path, errLogGone)
	}
	return nil
}
