package gatebook

import (
	"errors"
	"sync"
	"time"

	"gatebook/storage"
)

// lostFilesInterval is how often it is looked whether the files beside the segments are there.
const lostFilesInterval = time.Second

// lostFiles notices files that were removed or replaced while the registry is open, and that the
// next start needs. It is safe for concurrent use.
type lostFiles struct {
	report func(error)

	mu   sync.Mutex // guards the field below
	lost []*storage.GoneError
}

// set takes over which files are lost now. It reports each that was not before.
func (l *lostFiles) set(lost []*storage.GoneError) {
	l.mu.Lock()
	known := make(map[string]bool)
	for _, e := range l.lost {
		known[e.File] = true
	}
	l.lost = lost
	l.mu.Unlock()
	for _, e := range lost {
		if !known[e.File] {
			l.report(e)
		}
	}
}

// read returns how many files are lost, and the first of them.
func (l *lostFiles) read() (n int, first error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lost) == 0 {
		return 0, nil
	}
	return len(l.lost), l.lost[0]
}

// checkFiles looks whether the files that this process keeps beside the segments are there, and as it
// has written them.
func (r *Registry) checkFiles() {
	var lost []*storage.GoneError
	checks := []func() error{r.signed.CheckHead, r.folder.CheckLock}
	if log, ok := r.log.(*storage.Bolt); ok {
		checks = append(checks, log.CheckTail)
	}
	for _, check := range checks {
		if gone, ok := errors.AsType[*storage.GoneError](check()); ok {
			lost = append(lost, gone)
		}
	}
	r.lost.set(lost)
}
