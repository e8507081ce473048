package gatebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/intake"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/internal/query"
	"gatebook/storage"
)

// heartbeatInterval is how often it is recorded that a source of this process with live
// sessions is alive.
const heartbeatInterval = time.Minute

const (
	// leaseInterval is how often it is looked at whether a lease has run out.
	leaseInterval = time.Second
	// deferredRetry is how often ends that could not be recorded are tried again.
	deferredRetry = time.Second
)

// Registry is the book of sessions. Its methods are safe for concurrent use.
type Registry struct {
	// Book is what can be read of it.
	*Book
	// Proofs is what can be proven of it.
	*Proofs

	files

	// reader reads, journal records, intake records what is reported from outside.
	reader  *query.Reader
	journal *journal.Journal
	intake  *intake.Intake

	// The components below each have a lock of their own.
	sources *sources
	waiters *waiters
	timer   *killTimer
	kills   *kills
	counts  counts
	clock   clockWatch
	crash   *crash
	scrub   *scrubber // nil where the log is not read through
	heal    *healer
	lost    *lostFiles

	// names keeps two spellings of one name from being recorded.
	names *lifecycle.Names
	// declaring is had by the call that declares a service or switches it, so that neither
	// undoes what the other is about to record.
	declaring calls.Turn

	// calls lets in the calls that record, sources' aside. Close shuts it.
	calls   *calls.Gate
	closing sync.Once
	closed  chan struct{} // closed when Close begins
	stop    context.CancelFunc
	workers sync.WaitGroup // the goroutines that stop ends
}

// deliver is where every record arrives after it is durable, replayed or new: first the
// state applies the batch, and then each component is shown it. Batches come in the order of
// the log, from one goroutine at a time.
func (r *Registry) deliver(batch []events.Record) error {
	if err := r.state.Apply(batch); err != nil {
		return err
	}
	r.reader.Observe(batch)
	r.counts.observe(batch)
	r.timer.observe(batch)
	r.waiters.observe(batch)
	r.sources.observe(batch)
	return nil
}

// work starts the goroutines of the registry, which live until ctx ends.
func (r *Registry) work(ctx context.Context) {
	r.workers.Go(func() { r.timer.run(ctx, r.kills.requestDue, r.options.Report) })
	r.checkClock()
	r.every(ctx, saveInterval, func() {
		r.checkClock()
		if r.signed != nil {
			r.signed.CheckKey()
		}
		if err := errors.Join(r.watched.Check(), r.checkpoints.saveIfDue()); err != nil {
			r.options.Report(err)
		}
	})
	if r.signed != nil {
		r.every(ctx, lostFilesInterval, r.checkFiles)
		r.workers.Go(func() { r.signed.Run(ctx) })
		for _, a := range r.options.Anchors {
			r.workers.Go(func() { r.signed.RunAnchor(ctx, a) })
		}
	}
	if r.scrub != nil {
		r.workers.Go(func() { r.scrub.run(ctx) })
	}
	r.heal = r.healer()
	r.workers.Go(func() { r.heal.run(ctx) })
	r.every(ctx, heartbeatInterval, func() { r.heartbeat(ctx) })
	r.every(ctx, aliveInterval, r.noteAlive)
	r.every(ctx, leaseInterval, func() {
		if err := r.intake.EndLeases(ctx); err != nil {
			r.options.Report(err)
		}
	})
	r.every(ctx, deferredRetry, func() {
		if !errors.Is(r.log.Err(), storage.ErrReadOnly) {
			_ = r.crash.settle(ctx) // the log says by itself why it takes nothing
			_ = r.journal.RecordDeferred(ctx)
		}
	})
}

// noteAlive writes down that this process is alive, if it has live sessions.
func (r *Registry) noteAlive() {
	if r.alive == nil || !slices.ContainsFunc(r.sources.all(), func(s *Source) bool { return r.state.HasLive(s.name) }) {
		return
	}
	if err := r.alive.write(events.TimeOf(r.options.Now())); err != nil {
		r.options.Report(err)
	}
}

// every starts a goroutine that calls f at intervals, until ctx ends.
func (r *Registry) every(ctx context.Context, interval time.Duration, f func()) {
	r.workers.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				f()
			}
		}
	})
}

// Err returns why nothing can be recorded now, or, with [ErrNoIDs], no new session; nil when all is well.
func (r *Registry) Err() error { return r.journal.Err() }

// Now returns the time by the registry's clock, the one of its records.
func (r *Registry) Now() time.Time { return r.options.Now() }

// Close waits for the calls that record, stops the sources that still run, writes a
// checkpoint and gives the folder back. A call that waits for the end of a session
// returns. Closing again waits for the first call to Close and returns nil.
func (r *Registry) Close() (err error) {
	r.closing.Do(func() { err = r.close() })
	return err
}

func (r *Registry) close() error {
	err := r.finish()
	if err == nil && r.options.Log == nil {
		err = storage.RemoveReplaced(r.folder.Log()) // all that was upgraded has been in use
	}
	return errors.Join(err, r.folder.Unlock())
}

// finish stops all work, saves what there is and closes the files. The folder stays locked.
func (r *Registry) finish() error {
	r.calls.Shut()
	close(r.closed)
	var errs []error
	// Calls inside end by themselves: the log answers each append.
	errs = append(errs, r.calls.Wait(context.Background()))
	for _, s := range r.sources.all() {
		if err := s.Stop(context.Background()); err != nil {
			errs = append(errs, fmt.Errorf("stop source %s: %w", s.name, err))
		}
	}
	r.stop()
	r.workers.Wait()
	if r.signed != nil {
		errs = append(errs, r.signed.Sign())
		r.signed.EndAnchors()
	}
	return errors.Join(append(errs, r.saveLast(), r.closeAll())...)
}

// saveLast writes the last checkpoint. That an archive which is damaged gets none is reported, and is no
// failure of the stop: all of it is in the log.
func (r *Registry) saveLast() error {
	err := r.checkpoints.save()
	if errors.Is(err, ErrRebuilding) {
		r.options.Report(fmt.Errorf("the last checkpoint was not written, and the next start reads more of the log: %w", err))
		return nil
	}
	return err
}
