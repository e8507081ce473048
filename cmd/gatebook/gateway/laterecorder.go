package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"gatebook"
	"gatebook/events"
)

const (
	// lateSessions is how many sessions at most wait for a [LateRecorder]. It bounds the
	// memory of those that have ended meanwhile.
	lateSessions = 1024
	// latePatience is how long recording an opening that has waited may take.
	latePatience = 10 * time.Second
)

// errLate: nothing can be recorded yet.
var errLate = errors.New("the book is being opened")

// lateRecorder is the [Recorder] of a gateway that starts before its book is open. Until then
// openings of sessions wait, up to a limit: those beyond it are refused with errLate, and so
// become part of a recorded gap. Calls that report orders wait too, and all others return
// errLate.
type lateRecorder struct {
	opened, abandoned chan struct{}
	ending            sync.Once     // closes abandoned
	waiting           chan struct{} // has an element for each opening that waits

	// to is nil until there is a recorder: first for what is declared, and for all else when
	// opened is closed.
	to atomic.Pointer[Recorder]
}

func newLateRecorder() *lateRecorder {
	return &lateRecorder{opened: make(chan struct{}), abandoned: make(chan struct{}), waiting: make(chan struct{}, lateSessions)}
}

// open passes everything from now on to a recorder, and what waits when declare has returned.
// It is called once at most.
func (r *lateRecorder) open(to Recorder, declare func()) {
	r.to.Store(&to)
	declare()
	close(r.opened)
}

// abandon ends what waits, because the book is not going to be open. It changes nothing once
// it is.
func (r *lateRecorder) abandon() { r.ending.Do(func() { close(r.abandoned) }) }

// now returns the recorder, errLate until it is open.
func (r *lateRecorder) now() (Recorder, error) {
	select {
	case <-r.opened:
		return *r.to.Load(), nil
	default:
		return nil, errLate
	}
}

// wait blocks until the recorder is open.
func (r *lateRecorder) wait(ctx context.Context) (Recorder, error) {
	select {
	case <-r.opened:
		return *r.to.Load(), nil
	case <-r.abandoned:
		return nil, errLate
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// DeclareService is [Recorder.DeclareService].
func (r *lateRecorder) DeclareService(ctx context.Context, e events.ServiceDeclared) error {
	to := r.to.Load()
	if to == nil {
		return errLate
	}
	return (*to).DeclareService(ctx, e)
}

// DeclareServer is [Recorder.DeclareServer].
func (r *lateRecorder) DeclareServer(ctx context.Context, e events.ServerDeclared) error {
	to := r.to.Load()
	if to == nil {
		return errLate
	}
	return (*to).DeclareServer(ctx, e)
}

// ServerChanged is [Recorder.ServerChanged].
func (r *lateRecorder) ServerChanged(ctx context.Context, e events.ServerChanged) error {
	to, err := r.wait(ctx)
	if err != nil {
		return err
	}
	return to.ServerChanged(ctx, e)
}

// OpenSince is [Recorder.OpenSince]. An opening that waits does so until the book is open,
// whatever deadline ctx has, and is recorded with the time at which it was made.
func (r *lateRecorder) OpenSince(ctx context.Context, connected time.Time, e events.SessionOpened) (uint64, error) {
	if to, err := r.now(); err == nil {
		return to.OpenSince(ctx, connected, e)
	}
	select {
	case r.waiting <- struct{}{}:
	default:
		return 0, errLate
	}
	defer func() { <-r.waiting }()
	if connected.IsZero() {
		connected = time.Now()
	}
	ctx = context.WithoutCancel(ctx)
	to, err := r.wait(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, latePatience)
	defer cancel()
	return to.OpenSince(ctx, connected, e)
}

// Record is [Recorder.Record].
func (r *lateRecorder) Record(ctx context.Context, id uint64, list ...events.Event) error {
	to, err := r.now()
	if err != nil {
		return err
	}
	return to.Record(ctx, id, list...)
}

// End is [Recorder.End].
func (r *lateRecorder) End(ctx context.Context, id uint64, e events.SessionClosed) (deferred bool, err error) {
	to, err := r.now()
	if err != nil {
		return false, err
	}
	return to.End(ctx, id, e)
}

// RecordGap is [Recorder.RecordGap].
func (r *lateRecorder) RecordGap(ctx context.Context, e events.RecordingGap) error {
	to, err := r.now()
	if err != nil {
		return err
	}
	return to.RecordGap(ctx, e)
}

// Observe is [Recorder.Observe]. Before the recorder is open no session has an id.
func (r *lateRecorder) Observe(samples []gatebook.Sample) {
	if to, err := r.now(); err == nil {
		to.Observe(samples)
	}
}

// RecordStatistics is [Recorder.RecordStatistics].
func (r *lateRecorder) RecordStatistics(ctx context.Context, samples []gatebook.Sample) error {
	to, err := r.now()
	if err != nil {
		return err
	}
	return to.RecordStatistics(ctx, samples)
}

// Kills is [Recorder.Kills].
func (r *lateRecorder) Kills(ctx context.Context) ([]uint64, error) {
	to, err := r.wait(ctx)
	if err != nil {
		return nil, err
	}
	return to.Kills(ctx)
}

// Switches is [Recorder.Switches]. Which services are stopped is known when the book is open.
func (r *lateRecorder) Switches(ctx context.Context) ([]gatebook.Switch, error) {
	to, err := r.wait(ctx)
	if err != nil {
		return nil, err
	}
	return to.Switches(ctx)
}

// Stop is [Recorder.Stop]. A recorder that never was open has nothing to stop.
func (r *lateRecorder) Stop(ctx context.Context) error {
	to, err := r.now()
	if err != nil {
		return nil
	}
	return to.Stop(ctx)
}
