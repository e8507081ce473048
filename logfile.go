package gatebook

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

// logFile notices that the log's file is no longer the one at its path, because it was
// removed or replaced: a process keeps the file it has opened, and what it writes there
// is not found again.
type logFile struct {
	path   string
	opened os.FileInfo // the file when it was opened; nil where there is none
	gone   atomic.Bool
}

// check looks at the path. From the time on that the file is gone nothing is recorded.
// It returns the error the first time.
func (f *logFile) check() error {
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

// err returns [storage.ErrReadOnly] once the file is gone.
func (f *logFile) err() error {
	if f.gone.Load() {
		return fmt.Errorf("%w: %s: %w", storage.ErrReadOnly, f.path, errLogGone)
	}
	return nil
}
