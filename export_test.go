package gatebook

import (
	"context"

	"gatebook/events"
	"gatebook/projection"
)

// EndLeases looks at the leases now.
func (r *Registry) EndLeases() { r.endLeases(context.Background()) }

// Save writes a checkpoint now.
func (r *Registry) Save() error { return r.checkpoints.save() }

// RecordLoss records that a source is lost, and is cut off before its sessions are.
func (r *Registry) RecordLoss(source *projection.Source) error {
	return r.append(context.Background(), one(0, &events.SourceLost{
		Source: source.Name, Incarnation: source.Incarnation, Cause: events.ReasonSourceLost, LastSeen: source.LastSeen,
	}))
}

// Enter has a source's turn until leave is called.
func (r *Registry) Enter(source string) (leave func()) {
	o, err := r.remotes.enter(context.Background(), source)
	if err != nil {
		panic(err)
	}
	return o.turn.leave
}

// PendingKills returns the kills of a source's sessions that are still live.
func (r *Registry) PendingKills(source string) ([]uint64, error) { return r.pendingKills(source) }
