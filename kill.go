package gatebook

import (
	"context"
	"time"

	"gatebook/projection"
)

// Kill requests the end of a session and blocks until its source has closed it and that
// is recorded, until ctx ends, or until the registry is closed. Requesting again what was
// requested already only waits.
//
// It returns the session as it is then: still live when its end is not recorded yet,
// which is no error, because the source will act as soon as it can. It is lost when its
// source was lost while the call waited, or before: then nobody has closed it, and it is
// killed when its source comes back with it. Errors: [ErrNotFound], [*EndedError] when it had
// ended before, or was lost with a source that cannot come back, [ErrInvalid], those of the
// conditions and of recording.
func (r *Registry) Kill(ctx context.Context, id uint64, q Request) (projection.View, error) {
	err := r.ask(&q, func() error { return r.kills.one(ctx, id, &q) })
	if err != nil {
		return projection.View{}, err
	}
	view, _, err := r.Session(id)
	return view, err
}

// ScheduleKill has a session end at a later time. Scheduling again moves the time. It
// holds over a restart. A session whose end was requested already is left alone. The
// time is required; one that has passed is due at once. Errors are those of
// [Registry.Kill].
func (r *Registry) ScheduleKill(ctx context.Context, id uint64, due time.Time, q Request) error {
	return r.ask(&q, func() error { return r.kills.schedule(ctx, id, due, &q) })
}

// WithdrawKill takes a scheduled kill back. It returns a [*RefusedError] when none is
// scheduled, or when its time has come. The other errors are those of [Registry.Kill].
func (r *Registry) WithdrawKill(ctx context.Context, id uint64, q Request) error {
	return r.ask(&q, func() error { return r.kills.withdraw(ctx, id, &q) })
}

// Killed counts the sessions whose end was requested together.
type Killed struct {
	// Closed have ended, and that is recorded. Pending have not, or were lost: nobody has
	// seen their end, and they may come back with their source.
	Closed, Pending int
	// LeftWork is what servers may still do for those that have ended, in the order of their
	// ids.
	LeftWork []LeftWork
}

// add counts a session as it is now; nil is one that the book has no more.
func (k *Killed) add(s *projection.Session) {
	if s != nil && s.Status != projection.Closed {
		k.Pending++
		return
	}
	k.Closed++
	if s == nil {
		return
	}
	if left, ok := LeftWorkOf(s); ok {
		k.LeftWork = append(k.LeftWork, left)
	}
}

// KillAll requests the end of sessions and blocks until they have ended, ctx ends, or
// the registry is closed. Sessions that were closed before count as closed; ids must
// ascend. The conditions of the request are not for this.
//
// Where a part of the requests cannot be recorded it returns the error, and counts those
// that could: their sessions end all the same.
func (r *Registry) KillAll(ctx context.Context, ids []uint64, q Request) (killed Killed, err error) {
	err = r.ask(&q, func() (err error) {
		killed, err = r.kills.all(ctx, ids, &q)
		return err
	})
	return killed, err
}
