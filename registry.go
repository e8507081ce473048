package gatebook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// Options are the choices of [Open]. The zero value is ready.
type Options struct {
	// Log is the log to use, which the registry then closes. Nil means a bbolt file
	// in the data folder.
	Log storage.Log
	// Now is the clock. Nil means the system's.
	Now func() time.Time
	// Report takes what fails in the background, where no caller is to be told. It
	// must not block. Nil means that nobody wants to know.
	Report func(error)
	// Committed hears of each commit of the log that Open makes: how many records it
	// held, and how long it took. It must not block. Nil means that nobody wants to know.
	Committed storage.Observe
}

// Registry is the book of sessions. Its methods are safe for concurrent use.
type Registry struct {
	folder  *storage.Folder
	log     storage.Log
	book    *storage.Book
	state   *projection.State
	options Options
	opening Opening

	file    os.FileInfo   // the log's file when it was opened; nil without one
	gone    atomic.Bool   // whether it is no longer at its path
	lastID  atomic.Uint64 // the last session id that was given
	refused atomic.Uint64 // events that did not fit

	// mu guards the fields below.
	mu       sync.Mutex
	sources  map[string]*Source         // those of this process, by key of their name
	outsides map[string]*outside        // those outside that report, by key of their name
	ended    map[uint64][]chan struct{} // closed when that session ends
	closing  bool
	held     map[uint64]heldEnd     // ends that wait for the log
	due      map[uint64]events.Time // when live sessions are to be killed

	rescheduled chan struct{} // capacity 1: due has one more, or another time
	tail        tail
	tally       tally

	holding   atomic.Bool // whether held has any
	recording sync.Mutex  // held by the one that records what is held

	// declaring is held by the one that declares a service or switches it, so that
	// neither undoes what the other is about to record.
	declaring sync.Mutex

	// saving is held by the one that writes a checkpoint.
	saving sync.Mutex
	// These are guarded by saving: when the last one was written, how long that
	// took, and the sequence the book stands for.
	savedAt    time.Time
	savingTook time.Duration
	position   uint64

	stop    context.CancelFunc // ends the background goroutine
	stopped chan struct{}      // closed when it has ended
	timed   chan struct{}      // closed when the clock of kills has ended
}

// Opening is what a registry found when it opened its book.
type Opening struct {
	// New is true when there was no book and one was begun.
	New bool
	// Rebuilt tells why book.db had to be made again from the log, nil when it had not.
	Rebuilt error
	// Records is how many the log held, Replayed how many of them were read
	// because no checkpoint covered them.
	Records, Replayed uint64
	// Lost counts the sessions whose end was inferred when opening.
	Lost int
	// Took is how long opening took.
	Took time.Duration
}

// Opening tells what the registry found when it opened.
func (r *Registry) Opening() Opening { return r.opening }

// Folder is the path of the data folder.
func (r *Registry) Folder() string { return r.folder.Path }

// Now is the registry's clock.
func (r *Registry) Now() time.Time { return r.options.Now() }

// Refused counts the events that did not fit since the registry was opened.
func (r *Registry) Refused() uint64 { return r.refused.Load() }

// Err tells why nothing can be recorded now; nil when all is well.
func (r *Registry) Err() error {
	if err := r.writable(); err != nil {
		return err
	}
	return r.log.Err()
}

// deliver is where every record arrives after it is durable, replayed or new.
func (r *Registry) deliver(batch []events.Record) error {
	if err := r.state.Apply(batch); err != nil {
		return err
	}
	r.tail.add(batch)
	r.tally.add(batch)
	for i := range batch {
		r.noteDue(&batch[i])
		switch e := batch[i].Event.(type) {
		case *events.SessionClosed, *events.SessionLost:
			r.wakeWaiters(batch[i].Session)
		case *events.ServiceDeclared:
			r.tellSwitched(e.Source)
		case *events.KillRequested:
			r.handOut(batch[i].Session)
		}
	}
	return nil
}

func (r *Registry) wakeWaiters(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.ended[id] {
		close(c)
	}
	delete(r.ended, id)
}

// Close stops the sources that still run, checkpoints, and gives the folder back.
func (r *Registry) Close() error {
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		return nil
	}
	r.closing = true
	running := make([]*Source, 0, len(r.sources))
	for _, s := range r.sources {
		running = append(running, s)
	}
	r.mu.Unlock()
	var errs []error
	for _, s := range running {
		if err := s.Stop(context.Background()); err != nil {
			errs = append(errs, fmt.Errorf("stop source %s: %w", s.name, err))
		}
	}
	r.stop()
	<-r.stopped
	<-r.timed
	if err := r.save(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, r.log.Close(), r.book.Close(), r.folder.Unlock())...)
}
