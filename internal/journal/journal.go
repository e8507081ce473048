package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"gatebook/events"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

// Decide makes the entries to append from what the book says now. It is called again when
// the book has moved on meanwhile. No entries mean that there is nothing to do.
type Decide func() ([]storage.Entry, error)

// Lookup returns a session wherever it is; nil when there is none.
type Lookup func(id uint64) (*projection.Session, error)

// Journal appends to a log what was decided against a projection of it. It is safe for
// concurrent use.
type Journal struct {
	log      storage.Log
	state    *projection.State
	lookup   Lookup
	file     *LogFile
	deferred *deferredEnds
	held     *Held
	lastID   atomic.Uint64 // the last session id that was given
	refused  atomic.Uint64 // events that were refused
}

// New returns a journal that writes to a log, whose records up to now the state has
// applied. The file is the log's. The state finds ended sessions in held where the archive
// cannot give them.
func New(log storage.Log, state *projection.State, lookup Lookup, file *LogFile, held *Held) *Journal {
	j := &Journal{log: log, state: state, lookup: lookup, file: file, held: held}
	j.deferred = newDeferredEnds(j.recordDeferred)
	j.lastID.Store(max(state.LastID(), log.Head().Stream))
	return j
}

// Append decides and appends. Ends that were deferred go first. Errors: those of the
// decision, [storage.ErrBusy], [storage.ErrTooLarge], [storage.ErrDiskFull],
// [storage.ErrReadOnly], [storage.ErrClosed].
func (j *Journal) Append(ctx context.Context, decide Decide) error {
	if err := j.file.Err(); err != nil {
		return err
	}
	if err := j.deferred.drain(ctx); err != nil {
		return err
	}
	return j.append(ctx, decide)
}

// append decides and appends until what was decided upon is still so when it is
// committed.
func (j *Journal) append(ctx context.Context, decide Decide) error {
	for {
		seen := j.state.Applied()
		entries, err := decide()
		if err != nil {
			if _, unfit := errors.AsType[*lifecycle.UnfitError](err); unfit {
				j.CountRefused()
			}
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		for i := range entries {
			entries[i].Expect = seen
		}
		held, err := j.held.hold(entries, j.state, j.lookup)
		if err != nil {
			return err
		}
		err = j.log.Append(ctx, entries)
		j.held.release(held)
		if !errors.Is(err, storage.ErrConflict) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", storage.ErrBusy, err)
		}
	}
}

// One returns the decision for a single event, whatever the book says.
func One(session uint64, e events.Event) Decide {
	return func() ([]storage.Entry, error) { return []storage.Entry{Entry(session, e)}, nil }
}

// OfRunning returns the decision for an event of a source, which is recorded only while
// the book has this incarnation as the one that runs.
func (j *Journal) OfRunning(source, incarnation string, e events.Event) Decide {
	return func() ([]storage.Entry, error) {
		v, _ := j.state.Source(source)
		if v == nil || v.Incarnation != incarnation || v.State != projection.SourceRunning {
			return nil, nil
		}
		return []storage.Entry{Entry(0, e)}, nil
	}
}

// Change records an event of each of the sessions in which it fits, as it is then, in as
// many appends as it takes. The errors are those of [Journal.Append].
func (j *Journal) Change(ctx context.Context, sessions []*projection.Session, event func(*projection.Session) events.Event) error {
	for chunk := range slices.Chunk(sessions, MaxBatch) {
		err := j.Append(ctx, func() ([]storage.Entry, error) {
			entries := make([]storage.Entry, 0, len(chunk))
			for _, old := range chunk {
				s, err := j.lookup(old.ID)
				if err != nil {
					return nil, err
				}
				if s == nil {
					continue
				}
				e := event(s)
				if d := lifecycle.NewDraft(s); d.Take(e) == nil {
					entries = append(entries, Entry(s.ID, e))
				}
			}
			return entries, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Entry returns the entry of an event.
func Entry(session uint64, e events.Event) storage.Entry {
	return storage.Entry{Record: events.Record{Session: session, Event: e}}
}

// Checked returns the entry of an event that [lifecycle.Checker] has let through, which has
// cleaned its texts.
func Checked(session uint64, e events.Event) storage.Entry {
	entry := Entry(session, e)
	entry.Cleaned = true
	return entry
}

// ErrNoIDs is returned where no ids of sessions are left.
var ErrNoIDs = fmt.Errorf("no ids of sessions are left: the last one, %d, was given; begin another log in an empty data folder", uint64(index.LargestID))

// NextID returns the id for a new session. No id is given twice. Errors: [ErrNoIDs].
func (j *Journal) NextID() (uint64, error) {
	for {
		last := j.lastID.Load()
		if last >= index.LargestID { // the archive cannot hold a larger one
			return 0, ErrNoIDs
		}
		if j.lastID.CompareAndSwap(last, last+1) {
			return last + 1, nil
		}
	}
}

// CountRefused counts an event that was refused before it came to a decision.
func (j *Journal) CountRefused() { j.refused.Add(1) }

// Refused returns how many events were refused.
func (j *Journal) Refused() uint64 { return j.refused.Load() }

// Err returns why nothing can be recorded now, or no new session; nil when all is well.
func (j *Journal) Err() error {
	if err := j.file.Err(); err != nil {
		return err
	}
	if err := j.log.Err(); err != nil {
		return err
	}
	if j.lastID.Load() >= index.LargestID {
		return ErrNoIDs
	}
	return nil
}
