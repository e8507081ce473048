package gatebook

import (
	"errors"
	"fmt"
	"os"

	"gatebook/storage"
)

// errLogGone tells that the log's file is not where it was: what is appended to it
// would be gone with the process.
var errLogGone = errors.New("the log's file has been removed or replaced while it was in use; put it back, or restart")

// checkFile notices that the log's file is no longer the one at its path, because
// somebody removed or replaced it: a process keeps the file it has opened, and what
// it writes there nobody would find again. From then on nothing is recorded. It
// returns the error the first time.
func (r *Registry) checkFile() error {
	if r.file == nil || r.gone.Load() {
		return nil
	}
	now, err := os.Stat(r.folder.Log())
	if err == nil && os.SameFile(r.file, now) {
		return nil
	}
	r.gone.Store(true)
	return fmt.Errorf("%s: %w", r.folder.Log(), errLogGone)
}

// writable tells why nothing may be recorded; nil when all is well.
func (r *Registry) writable() error {
	if r.gone.Load() {
		return fmt.Errorf("%w: %s: %w", storage.ErrReadOnly, r.folder.Log(), errLogGone)
	}
	return nil
}
