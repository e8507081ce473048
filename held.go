package gatebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/storage"
)

// heldRetry is how often ends that could not be recorded are tried again.
const heldRetry = time.Second

// End records how a session ended. While the log takes nothing, the end is kept in
// memory, at most one per session, and recorded before anything else when the log
// is back; held is then true, which is no error: the session is over, and shown to be
// ([projection.View.Over]). What is held when the process ends is lost with it, and the
// session then is lost, not closed.
func (s *Source) End(ctx context.Context, id uint64, e events.SessionClosed) (held bool, err error) {
	if s.stopped.Load() {
		return false, ErrSourceStopped
	}
	now := events.TimeOf(s.registry.options.Now())
	err = s.Record(ctx, id, &e)
	if err == nil || !unwritable(err) {
		return false, err
	}
	s.registry.hold(id, now, e)
	return true, nil
}

// unwritable tells whether an append failed for the log's sake, not its own.
func unwritable(err error) bool {
	return errors.Is(err, storage.ErrDiskFull) || errors.Is(err, storage.ErrReadOnly) || errors.Is(err, storage.ErrBusy)
}

// heldEnd is the end of a session that waits for the log.
type heldEnd struct {
	at    events.Time
	event events.SessionClosed
}

func (r *Registry) hold(id uint64, at events.Time, e events.SessionClosed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.held[id]; !ok {
		r.held[id] = heldEnd{at: at, event: e}
	}
	r.holding.Store(true)
	r.state.ObserveEnd(id)
}

// Held counts the ends that wait for the log.
func (r *Registry) Held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held)
}

// recordHeld records the ends that wait, in ascending order of id. It stops at the
// first append that fails.
func (r *Registry) recordHeld(ctx context.Context) error {
	r.recording.Lock()
	defer r.recording.Unlock()
	for {
		ids := r.someHeld()
		if len(ids) == 0 {
			return nil
		}
		err := r.appendDecided(ctx, func() ([]storage.Entry, error) { return r.heldEntries(ids) })
		if err != nil {
			return fmt.Errorf("record ends that were held: %w", err)
		}
		r.mu.Lock()
		for _, id := range ids {
			delete(r.held, id)
		}
		r.holding.Store(len(r.held) > 0)
		r.mu.Unlock()
	}
}

func (r *Registry) someHeld() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]uint64, 0, len(r.held))
	for id := range r.held {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[:min(len(ids), settleChunk)]
}

func (r *Registry) heldEntries(ids []uint64) ([]storage.Entry, error) {
	var entries []storage.Entry
	for _, id := range ids {
		s, err := r.look(id)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		held := r.held[id]
		r.mu.Unlock()
		d := draft{id: id, phase: phaseOf(s), session: s}
		if s == nil || d.take(&held.event) != nil {
			continue // it has ended otherwise
		}
		e := entry(id, blame(s, &held.event))
		e.Record.Occurred = held.at
		entries = append(entries, e)
	}
	return entries, nil
}
