package gatebook

import (
	"context"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/storage"
)

// append decides and appends for a caller of the package.
func (r *Registry) append(ctx context.Context, decide journal.Decide) error {
	return refused(r.journal.Append(ctx, decide))
}

// record is append for a call of the registry's own, which Close waits for.
func (r *Registry) record(ctx context.Context, decide journal.Decide) error {
	if !r.calls.Enter() {
		return ErrClosed
	}
	defer r.calls.Leave()
	return r.append(ctx, decide)
}

// RecordAccountChange records that an account was added, changed or removed, which happened
// at that time.
func (r *Registry) RecordAccountChange(ctx context.Context, at time.Time, e events.AccountChanged) error {
	added := journal.Entry(0, &e)
	added.Record.Occurred = events.TimeOf(at)
	return r.record(ctx, func() ([]storage.Entry, error) { return []storage.Entry{added}, nil })
}
