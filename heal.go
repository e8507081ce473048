package gatebook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/boltfile"
)

const (
	// healRetry is how long to wait after an archive could not be made again.
	healRetry = 10 * time.Second
	// healPage is how many records are read at a time.
	healPage = 512
	// healBacklog is how many records may be applied to the state beyond what the new
	// archive is to have, before it is to have those too. It bounds the ended sessions that
	// are in memory meanwhile.
	healBacklog = 100_000
)

// healer makes the archive again from the log when damage is noticed while it is in use.
// Meanwhile no checkpoint is written. The sessions that end stay in memory, until the new
// archive is to have them too.
type healer struct {
	archive     *storage.Archive
	checkpoints *checkpointer
	log         storage.Log
	path        string // where the new file is made
	report      func(error)
	backlog     uint64 // see healBacklog

	mu     sync.Mutex // guards the field below
	failed error      // why the archive could not be made again; nil when it could
}

// HealError reports why a damaged archive could not be made again. It is tried again.
type HealError struct{ Err error }

func (e *HealError) Error() string { return "make the archive again: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HealError) Unwrap() error { return e.Err }

// err returns a [*HealError] while the archive cannot be made again.
func (h *healer) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

func (h *healer) setErr(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = err
}

// healer returns the healer of the registry's archive.
func (f *files) healer() *healer {
	return &healer{
		archive: f.archive, checkpoints: f.checkpoints, log: f.log, path: f.folder.Archive() + ".again", report: f.options.Report,
		backlog: healBacklog,
	}
}

// run waits for damage, until ctx ends.
func (h *healer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.archive.Damaged():
		}
		h.report(fmt.Errorf("the archive is made again from the log: %w", h.archive.Damage()))
		for err := h.heal(ctx); err != nil; err = h.heal(ctx) {
			if ctx.Err() != nil {
				return
			}
			h.setErr(&HealError{err})
			h.report(h.err())
			select {
			case <-ctx.Done():
				return
			case <-time.After(healRetry):
			}
		}
		h.setErr(nil)
	}
}

// heal makes the archive again as of the last checkpoint.
func (h *healer) heal(ctx context.Context) error {
	position := h.checkpoints.suspend()
	if err := boltfile.RemoveIfThere(h.path); err != nil {
		return err
	}
	if err := storage.CreateArchive(h.path, h.log.ID(), projection.Tables()); err != nil {
		return err
	}
	archive, err := storage.OpenArchive(h.path, h.log.ID(), projection.Tables())
	if err != nil {
		return err
	}
	if err := h.fill(ctx, archive, position); err != nil {
		// An unfinished file would take the space that the log needs.
		return errors.Join(err, archive.Close(), boltfile.RemoveIfThere(h.path))
	}
	if err := h.archive.Replace(archive); err != nil {
		return err
	}
	h.checkpoints.resume()
	return nil
}

// fill folds the log into an archive: up to a sequence, or further where the registry goes
// on too fast for what it has recorded since to stay in memory.
func (h *healer) fill(ctx context.Context, archive *storage.Archive, until uint64) error {
	return foldLog(ctx, h.log, archive, until, func(uint64) uint64 {
		if h.checkpoints.behind() > h.backlog {
			until = h.checkpoints.handOver()
		}
		return until
	})
}
