package gatebook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// heartbeatInterval is how often it is recorded that a source of this process with live
// sessions is alive.
const heartbeatInterval = time.Minute

// Registry is the book of sessions. Its methods are safe for concurrent use.
type Registry struct {
	folder  *storage.Folder
	log     storage.Log
	book    *storage.Book
	state   *projection.State
	options Options
	opening OpenInfo
	lastID  atomic.Uint64 // the last session id that was given

	// The components below each have a lock of their own.
	file        *logFile
	sources     *sources
	remotes     *remotes
	waiters     *waiters
	kills       *killTimer
	deferred    *deferredEnds
	checkpoints *checkpointer
	counts      counts
	recent      recent
	observers   []observer

	// declaring is had by the call that declares a service or switches it, so that
	// neither undoes what the other is about to record.
	declaring turn

	// calls lets in the calls that record, sources' aside. Close shuts it.
	calls   *gate
	closing sync.Once
	closed  chan struct{} // closed when Close begins
	stop    context.CancelFunc
	workers sync.WaitGroup // the goroutines that stop ends
}

// observer is a component that is shown each batch after the state has applied it.
// Batches come in the order of the log, from one goroutine at a time.
type observer interface {
	observe(batch []events.Record)
}

// deliver is where every record arrives after it is durable, replayed or new.
func (r *Registry) deliver(batch []events.Record) error {
	if err := r.state.Apply(batch); err != nil {
		return err
	}
	for _, o := range r.observers {
		o.observe(batch)
	}
	return nil
}

// lookup returns a session wherever it is; nil when there is none.
func (r *Registry) lookup(id uint64) (*projection.Session, error) {
	if s := r.state.Lookup(id); s != nil {
		return s, nil
	}
	return r.archived(id)
}

// work starts the goroutines of the registry, which live until ctx ends.
func (r *Registry) work(ctx context.Context) {
	r.workers.Go(func() { r.kills.run(ctx, r.options.Report) })
	r.every(ctx, saveInterval, func() {
		if err := errors.Join(r.file.check(), r.checkpoints.saveIfDue()); err != nil {
			r.options.Report(err)
		}
	})
	r.every(ctx, heartbeatInterval, func() { r.heartbeat(ctx) })
	r.every(ctx, leaseInterval, func() { r.endLeases(ctx) })
	r.every(ctx, deferredRetry, func() {
		if !errors.Is(r.log.Err(), storage.ErrReadOnly) {
			_ = r.deferred.drain(ctx) // the log says by itself why it takes nothing
		}
	})
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

// Err returns why nothing can be recorded now; nil when all is well.
func (r *Registry) Err() error {
	if err := r.file.err(); err != nil {
		return err
	}
	return r.log.Err()
}

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
	r.calls.shut()
	close(r.closed)
	var errs []error
	// What has entered ends by itself: the log answers each append.
	errs = append(errs, r.calls.wait(context.Background()))
	for _, s := range r.sources.all() {
		if err := s.Stop(context.Background()); err != nil {
			errs = append(errs, fmt.Errorf("stop source %s: %w", s.name, err))
		}
	}
	r.stop()
	r.workers.Wait()
	return errors.Join(append(errs, r.checkpoints.save(), r.release())...)
}

// release gives back what the registry holds.
func (r *Registry) release() error {
	var errs []error
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	if r.book != nil {
		errs = append(errs, r.book.Close())
	}
	return errors.Join(append(errs, r.folder.Unlock())...)
}
