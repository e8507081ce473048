package gatebook

import (
	"context"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/projection"
)

// EndLeases looks at the leases now.
func (r *Registry) EndLeases() {
	if err := r.intake.EndLeases(context.Background()); err != nil {
		r.options.Report(err)
	}
}

// Save writes a checkpoint now.
func (r *Registry) Save() error { return r.checkpoints.save() }

// RecordLoss records that a source is lost, and is cut off before its sessions are.
func (r *Registry) RecordLoss(source *projection.Source) error {
	return r.journal.Append(context.Background(), journal.One(0, &events.SourceLost{
		Source: source.Name, Incarnation: source.Incarnation, Cause: events.ReasonSourceLost, LastSeen: source.LastSeen,
	}))
}

// Enter has a source's turn until leave is called.
func (r *Registry) Enter(source string) (leave func()) {
	release, err := r.intake.Claim(context.Background(), source)
	if err != nil {
		panic(err)
	}
	return func() { release(false) }
}

// PendingKills returns the sequences of the kills of a source's sessions that are still
// live.
func (r *Registry) PendingKills(source string) ([]uint64, error) {
	records, err := r.reader.PendingKills(source)
	var pending []uint64
	for i := range records {
		pending = append(pending, records[i].Sequence)
	}
	return pending, err
}

// SuspendCheckpoints leaves checkpoints unwritten from now on.
func (r *Registry) SuspendCheckpoints() { r.checkpoints.suspend() }
