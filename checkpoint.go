package gatebook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook/projection"
	"gatebook/storage"
)

const (
	// saveEvery is how many records a checkpoint may be behind when there is time,
	// saveAfter how old it may grow while there is anything to write, and
	// saveInterval how often that is looked at.
	saveEvery    = 10_000
	saveAfter    = time.Minute
	saveInterval = time.Second
	// savePause is how many times as long as the last checkpoint took the next one
	// waits at least: under load they take no more than a fifth of one core.
	savePause = 4
	// seenInterval is how often a source with live sessions gives a sign of life.
	seenInterval = time.Minute
)

// background writes checkpoints and signs of life, and ends leases, until ctx ends.
func (r *Registry) background(ctx context.Context) {
	defer close(r.stopped)
	save := time.NewTicker(saveInterval)
	defer save.Stop()
	seen := time.NewTicker(seenInterval)
	defer seen.Stop()
	leases := time.NewTicker(leaseInterval)
	defer leases.Stop()
	held := time.NewTicker(heldRetry)
	defer held.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			if err := errors.Join(r.checkFile(), r.saveIfDue()); err != nil {
				r.options.Report(err)
			}
		case <-seen.C:
			r.giveSigns(ctx)
		case <-leases.C:
			r.endLeases(ctx)
		case <-held.C:
			if r.holding.Load() && !errors.Is(r.log.Err(), storage.ErrReadOnly) {
				_ = r.recordHeld(ctx) // the log says by itself why it takes nothing
			}
		}
	}
}

func (r *Registry) saveIfDue() error {
	head, _ := r.state.Sequence()
	r.saving.Lock()
	behind, age, took := head-r.position, time.Since(r.savedAt), r.savingTook
	r.saving.Unlock()
	if behind == 0 || age < savePause*took || behind < saveEvery && age < saveAfter {
		return nil
	}
	return r.save()
}

// save writes a checkpoint: what changed since the last, in one transaction.
func (r *Registry) save() error {
	r.saving.Lock()
	defer r.saving.Unlock()
	begun := time.Now()
	c := r.state.Checkpoint()
	if c.Position == r.position {
		r.state.Saved(c)
		return nil
	}
	rows := c.Rows()
	changes := make([]storage.Change, len(rows))
	for i, row := range rows {
		changes[i] = storage.Change(row)
	}
	if err := r.book.Commit(c.Position, changes, marksOf(c)); err != nil {
		r.state.NotSaved(c)
		return fmt.Errorf("checkpoint: %w", err)
	}
	r.state.Saved(c)
	r.position, r.savedAt, r.savingTook = c.Position, time.Now(), time.Since(begun)
	return nil
}

// marksOf are the checkpoint's changes to the indexes, as storage takes them.
func marksOf(c *projection.Checkpoint) storage.Marks {
	marks, under := c.Marks()
	all := storage.Marks{Entries: make([]storage.Mark, len(marks)), Under: make([]storage.Under, len(under))}
	for i, m := range marks {
		all.Entries[i] = storage.Mark{
			ID: m.ID, Lost: m.Lost, Gone: m.Gone,
			Span: storage.Span{From: int64(m.From), Until: int64(m.Until), First: m.First, Last: m.Last},
		}
	}
	for i, u := range under {
		all.Under[i] = storage.Under{Key: u.Key, Entries: u.Marks}
	}
	return all
}

// archived finds a session that has left memory.
func (r *Registry) archived(id uint64) (*projection.Session, error) {
	snapshot, err := r.book.Snapshot()
	if err != nil {
		return nil, err
	}
	s, err := archivedIn(snapshot, id)
	return s, errors.Join(err, snapshot.Close())
}

func archivedIn(snapshot *storage.Snapshot, id uint64) (*projection.Session, error) {
	for _, table := range []string{projection.TableClosed, projection.TableLost} {
		row, err := snapshot.Get(table, projection.IDKey(id))
		if err != nil {
			return nil, err
		}
		if row != nil {
			return projection.DecodeSession(row, nil)
		}
	}
	return nil, nil
}
