package gatebook

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/intake"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// Open opens the book in a data folder, or begins one there. It creates the folder where
// that does not exist, but not its parents. It locks the folder, brings the projection up to
// date, and marks as lost what the last run left open. When it returns, the registry is
// ready. When ctx ends before, Open returns the error of ctx.
//
// Errors: [*storage.InUseError], [*storage.UnusableError], [*storage.CorruptError], and those of
// the system, wrapped. The log is never replaced; a damaged book.db is made again from it.
func Open(ctx context.Context, folder string, o Options) (*Registry, error) {
	started := time.Now()
	if o.Now == nil {
		o.Now, o.systemClock = time.Now, true
	}
	locked, err := storage.LockFolder(folder)
	if err != nil {
		return nil, err
	}
	r := newRegistry(locked, o)
	if err = locked.CheckUsable(); err == nil && o.Locked != nil {
		err = o.Locked()
	}
	if err == nil {
		err = r.open(ctx)
	}
	if damage := err; errors.Is(err, ErrRebuilding) && o.Log == nil {
		// It was noticed after the archive had been opened.
		if err = r.discardArchive(); err == nil {
			r = newRegistry(locked, o)
			err = r.open(ctx)
			r.opening.Rebuilt = damage
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	if r.signed != nil {
		// In a loop of crashes a run can be too short for a head: each signs what the one before it has
		// recorded. Sign reports a failure by itself, and is called again.
		_ = r.signed.Sign()
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
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.Progress == nil {
		o.Progress = func(uint64, uint64) {}
	}
	if o.Upgrading == nil {
		o.Upgrading = func(int64, int64) {}
	}
	r := &Registry{
		files: files{folder: folder, options: o, watched: &journal.LogFile{}, faults: &faults{report: o.Report}}, waiters: newWaiters(),
		declaring: calls.NewTurn(), calls: calls.NewGate(), closed: make(chan struct{}), stop: func() {},
	}
	inMemory := func(id uint64) *projection.Session { return r.state.Lookup(id) }
	r.sources = newSources(inMemory)
	r.timer = newKillTimer(o.Now, inMemory)
	r.lost = &lostFiles{report: o.Report}
	return r
}

func (r *Registry) open(ctx context.Context) (err error) {
	if err := r.fold(ctx); err != nil {
		return err
	}
	r.journal = journal.New(r.log, r.state, r.reader.Lookup, r.watched, &r.held)
	if log, ok := r.log.(*storage.Bolt); ok && r.options.ScrubPeriod >= 0 {
		r.scrub = &scrubber{
			verify: r.verify, met: r.faults.meet, chain: log.VerifyChain, archive: r.archive.Check, archiveSize: func() int64 { return int64(sizeOf(r.folder.Archive())) },
			period: cmp.Or(r.options.ScrubPeriod, scrubPeriod), report: r.options.Report,
		}
	}
	r.names = lifecycle.NewNames(r.state)
	r.intake = intake.New(intake.Options{
		Names:   r.names,
		Journal: r.journal, Reader: r.reader, State: r.state, Now: r.options.Now, Declaring: r.declaring,
		Local: func(name string) bool { return r.sources.find(name) != nil }, Heartbeat: heartbeatInterval,
		Limits: r.options.Names.OrDefaults(),
	})
	r.kills = &kills{journal: r.journal, reader: r.reader, waiters: r.waiters, timer: r.timer, now: r.options.Now, closed: r.closed}
	r.crash = &crash{
		state: r.state, reader: r.reader, journal: r.journal, now: func() events.Time { return events.TimeOf(r.options.Now()) },
		lastAlive: r.lastAlive, all: r.restored, lost: func(sessions int) { r.opening.Lost += sessions }, settling: calls.NewTurn(),
	}
	err = r.crash.markLost(ctx)
	if errors.Is(err, ErrDiskFull) && !r.restored { // reading goes on without space, and unrecorded work too
		r.options.Report(err)
		err = r.crash.deferEnds()
	}
	r.crash.lost = func(int) {} // what is lost from now on was not found when it was opened
	if err != nil {
		return err
	}
	return r.kills.load()
}

// fold opens the files and brings the state up to the log's end.
func (r *Registry) fold(ctx context.Context) error {
	if err := r.openFiles(ctx); err != nil {
		return err
	}
	r.reader = query.NewReader(r.state, r.archive, r.log, r.options.Now)
	r.Book = &Book{queries: r.reader, present: r.state, logID: r.log.ID()}
	log, _ := r.log.(*storage.Bolt)
	r.Proofs = &Proofs{signed: r.heads, stored: log, calls: r.calls, met: r.faults.meet}
	err := r.replay(ctx, r.deliver)
	r.counts.reset()
	return err
}
