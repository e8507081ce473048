package gatebook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/intake"
	"gatebook/internal/journal"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// replayedPerSave bounds the memory of a long replay: so many records are applied
// before those that ended are written to the book.
const replayedPerSave = 200_000

// Open opens the book in a data folder, or begins one there. The folder is
// created when it does not exist, its parents never. Open locks the folder,
// brings the projection up to date and settles the past; when it returns, the
// registry is ready.
//
// Errors: [*storage.InUseError], [*storage.CorruptError], and those of the system,
// wrapped. The log is never replaced; a damaged book.db is made again from it.
func Open(ctx context.Context, folder string, o Options) (*Registry, error) {
	started := time.Now()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	locked, err := storage.LockFolder(folder)
	if err != nil {
		return nil, err
	}
	r := newRegistry(locked, o)
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.release())
	}
	r.intake.BeginLeases()
	r.opening.Took = time.Since(started)
	working, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.work(working)
	return r, nil
}

// newRegistry returns a registry with the components that need nothing opened.
func newRegistry(folder *storage.Folder, o Options) *Registry {
	r := &Registry{
		folder: folder, options: o, file: &journal.LogFile{}, waiters: newWaiters(),
		declaring: calls.NewTurn(), calls: calls.NewGate(), closed: make(chan struct{}), stop: func() {},
	}
	inMemory := func(id uint64) *projection.Session { return r.state.Lookup(id) }
	r.sources = newSources(inMemory)
	r.kills = newKillTimer(o.Now, inMemory, r.requestDue)
	return r
}

func (r *Registry) open(ctx context.Context) (err error) {
	if err := r.fold(); err != nil {
		return err
	}
	r.journal = journal.New(r.log, r.state, r.reader.Lookup, r.file)
	r.intake = intake.New(intake.Options{
		Journal: r.journal, Reader: r.reader, State: r.state, Now: r.options.Now, Declaring: r.declaring,
		Local: func(name string) bool { return r.sources.find(name) != nil }, Heartbeat: heartbeatInterval,
	})
	if err := r.markCrashedLost(ctx); err != nil {
		return err
	}
	return r.loadKills()
}

// fold opens the log and the book, and brings the state up to the log's end.
func (r *Registry) fold() (err error) {
	if r.log = r.options.Log; r.log == nil {
		if r.log, err = r.openLog(); err != nil {
			r.log = nil // a nil pointer in an interface is not nil
			return err
		}
	}
	if err := r.openBook(); err != nil {
		return err
	}
	r.reader = query.NewReader(r.state, r.book, r.log)
	return r.replay()
}

// openLog opens log.db, or begins it where there is nothing at all yet. A log that
// is gone while its book is still there is not begun anew.
func (r *Registry) openLog() (storage.Log, error) {
	path := r.folder.Log()
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(r.folder.Book()); err == nil {
			return nil, &storage.CorruptError{File: path, Err: fmt.Errorf(
				"it is missing, but %s, which was made from it, is there; restore the log, or move that file away to begin a new book", r.folder.Book())}
		}
		r.opening.New = true
		err = storage.CreateBolt(path)
	}
	if err != nil {
		return nil, err
	}
	if r.file, err = journal.Watch(path); err != nil {
		return nil, err
	}
	log, err := storage.OpenBolt(path, storage.BoltOptions{
		Clock:   func() events.Time { return events.TimeOf(r.options.Now()) },
		Observe: r.options.Committed,
	})
	if err != nil {
		return nil, err
	}
	return log, nil
}

// openBook opens book.db and loads the state from it. A book that is missing,
// damaged or of another log is made again.
func (r *Registry) openBook() error {
	err := r.loadBook()
	var corrupt *storage.CorruptError
	switch {
	case err == nil:
		return r.checkAhead()
	case errors.Is(err, storage.ErrNotExist):
		if r.log.Head().Sequence > 0 {
			r.opening.Rebuilt = err
		}
	case errors.As(err, &corrupt):
		r.opening.Rebuilt = err
		if err := os.Remove(r.folder.Book()); err != nil {
			return fmt.Errorf("remove the damaged book: %w", err)
		}
	default:
		return err
	}
	if err := storage.CreateBook(r.folder.Book(), r.log.ID(), projection.Tables()); err != nil {
		return err
	}
	return r.loadBook()
}

// checkAhead refuses a log that ends before what was once read from it.
func (r *Registry) checkAhead() error {
	if head := r.log.Head().Sequence; r.checkpoints.position > head {
		return &storage.CorruptError{File: r.folder.Log(), Err: fmt.Errorf(
			"it ends at record %d, but %s was made from it up to record %d; restore the log, or move that file away to go on without the difference",
			head, r.folder.Book(), r.checkpoints.position)}
	}
	return nil
}

func (r *Registry) loadBook() (err error) {
	if r.book, err = storage.OpenBook(r.folder.Book(), r.log.ID(), projection.Tables()); err != nil {
		return err
	}
	snapshot, err := r.book.Snapshot()
	if err != nil {
		return err
	}
	position := snapshot.Position()
	r.state, err = projection.Load(position, r.archived(), func(table string, row func(k, v []byte) error) error {
		return snapshot.Scan(table, nil, func(k, v []byte) (bool, error) { return true, row(k, v) })
	})
	if err != nil {
		err = &storage.CorruptError{File: r.folder.Book(), Err: err}
	}
	if err = errors.Join(err, snapshot.Close()); err != nil {
		err = errors.Join(err, r.book.Close())
		r.book = nil
		return err
	}
	r.checkpoints = &checkpointer{state: r.state, book: r.book, position: position, savedAt: time.Now()}
	return nil
}

// archived returns how the state finds sessions that have left memory.
func (r *Registry) archived() projection.Archive {
	book := r.book
	return func(id uint64) (*projection.Session, error) { return query.Archived(book, id) }
}

// replay applies what the checkpoint does not cover, and starts the log. A long one
// writes checkpoints on its way, one at a time beside the applying, so that ended
// sessions leave memory.
func (r *Registry) replay() error {
	r.opening.Records = r.log.Head().Sequence
	r.opening.Replayed = r.opening.Records - r.checkpoints.position
	sinceSave, replaying := 0, true
	saved := make(chan error, 1)
	saved <- nil
	err := r.log.Start(r.checkpoints.position, func(batch []events.Record) error {
		if err := r.deliver(batch); err != nil || !replaying {
			return err
		}
		if sinceSave += len(batch); sinceSave < replayedPerSave {
			return nil
		}
		sinceSave = 0
		if err := <-saved; err != nil {
			saved <- nil
			return err
		}
		go func() { saved <- r.checkpoints.save() }()
		return nil
	})
	replaying = false
	err = errors.Join(err, <-saved)
	r.counts.reset()
	return err
}
