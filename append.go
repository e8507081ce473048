package gatebook

import (
	"context"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/storage"
)

// append decides and appends for a caller of the package.
func (r *Registry) append(ctx context.Context, decide journal.Decide) error {
	return refused(r.journal.Append(ctx, decide))
}

// ask makes a request, which Close waits for.
func (r *Registry) ask(q *Request, do func() error) error {
	if err := q.check(); err != nil {
		return err
	}
	if !r.calls.Enter() {
		return ErrClosed
	}
	defer r.calls.Leave()
	return refused(do())
}

// claim claims the names of services and servers in events. It returns an [ErrInvalid]
// where another spelling is on the record.
func (r *Registry) claim(list ...events.Event) (lifecycle.Claim, error) {
	c, _, err := r.names.Claim(lifecycle.Room{Services: -1, Servers: -1}, list...)
	if err != nil {
		r.journal.CountRefused()
		return lifecycle.Claim{}, invalid(err)
	}
	return c, nil
}

// RecordAccountChange records that an account was added, changed or removed, which happened
// at that time.
func (r *Registry) RecordAccountChange(ctx context.Context, at time.Time, e events.AccountChanged) error {
	added := journal.Entry(0, &e)
	added.Record.Occurred = events.TimeOf(at)
	if !r.calls.Enter() {
		return ErrClosed
	}
	defer r.calls.Leave()
	return r.append(ctx, func() ([]storage.Entry, error) { return []storage.Entry{added}, nil })
}
