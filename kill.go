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
// which is no error, because the source will act as soon as it can. Errors:
// [ErrNotFound], [*EndedError] when it had ended before, [ErrInvalid], those of the
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
	// Closed have ended, Pending not yet.
	Closed, Pending int
}

// KillAll requests the end of sessions and blocks until they have ended, ctx ends, or
// the registry is closed. Sessions that had ended before count as ended; ids must
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
