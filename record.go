package gatebook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
	"gatebook/storage"
)

// Sample is the counters of one connection of a session at one time.
type Sample = projection.Sample

// Activity is what a live session is doing, in the sample of its client's connection.
type Activity = projection.Activity

// The activities. A source that does not know leaves the sample without one.
const (
	ActivityIdle    = projection.ActivityIdle
	ActivityWaiting = projection.ActivityWaiting
)

// check returns an [ErrInvalid] for an event that cannot be recorded whatever the book
// says.
func (s *Source) check(list ...events.Event) error {
	for _, e := range list {
		if err := s.checker.Check(e, s.name); err != nil {
			s.registry.journal.CountRefused()
			return invalid(fmt.Errorf("%s: %w", kindOf(e), err))
		}
	}
	return nil
}

// kindOf returns the name of an event's kind, also where there is no event.
func kindOf(e events.Event) string {
	if e == nil {
		return "event"
	}
	return e.Kind().String()
}

// Open records that a client connected and returns the session's id. Source and
// Incarnation of the event are filled in. The service is required; the address is an IP
// address, or "" where it is not known.
func (s *Source) Open(ctx context.Context, e events.SessionOpened) (uint64, error) {
	return s.OpenSince(ctx, time.Time{}, e)
}

// OpenSince is Open for a client that connected at an earlier time, which is recorded
// too. It is for a source that had to read from the client first.
func (s *Source) OpenSince(ctx context.Context, connected time.Time, e events.SessionOpened) (uint64, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.calls.Leave()
	e.Source, e.Incarnation = s.name, s.incarnation
	if err := s.check(&e); err != nil {
		return 0, err
	}
	occurred := events.TimeOf(connected)
	if occurred < 0 {
		return 0, fmt.Errorf("%w: the client connected at %s; times are from 1970 on", ErrInvalid, connected.Format(time.RFC3339))
	}
	claim, err := s.registry.claim(&e)
	if err != nil {
		return 0, err
	}
	defer claim.Release()
	id, err := s.registry.journal.NextID()
	if err != nil {
		return 0, err
	}
	opening := journal.Checked(id, &e)
	opening.Record.Occurred = occurred
	if err := s.registry.append(ctx, func() ([]storage.Entry, error) { return []storage.Entry{opening}, nil }); err != nil {
		return 0, err
	}
	return id, nil
}

// Record records events of one of the source's sessions, as one list: all of them or
// none. The events are those that follow session_opened: of its connections, its
// statistics, its login, its end. A [*RefusedError] names the first that does not fit.
func (s *Source) Record(ctx context.Context, id uint64, list ...events.Event) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Leave()
	if err := s.check(list...); err != nil {
		return err
	}
	claim, err := s.registry.claim(list...)
	if err != nil {
		return err
	}
	defer claim.Release()
	return s.registry.append(ctx, func() ([]storage.Entry, error) { return s.sessionEvents(id, list) })
}

// sessionEvents decides about a list of events of one session of the source.
func (s *Source) sessionEvents(id uint64, list []events.Event) ([]storage.Entry, error) {
	v, err := s.registry.reader.Lookup(id)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, fmt.Errorf("session %d: %w", id, ErrNotFound)
	}
	d := lifecycle.NewDraft(v)
	entries := make([]storage.Entry, 0, len(list))
	for _, e := range list {
		if err := d.Owner(e, s.name, s.incarnation); err != nil {
			return nil, err
		}
		if err := d.Take(e); err != nil {
			return nil, err
		}
		if filled := lifecycle.FillKilledBy(v, e); filled != e {
			entries = append(entries, journal.Entry(id, filled)) // two texts in one can be too long
			continue
		}
		entries = append(entries, journal.Checked(id, e))
	}
	return entries, nil
}

// End records how a session ended. While the log takes nothing the end is deferred: it
// is kept in memory, at most one per session, and recorded before anything else when the
// log is back. deferred is then true, which is no error: the session is over, and shown
// to be ([projection.View.Over]). Deferred ends are in memory only: if the process dies
// first, the session becomes lost instead of closed.
func (s *Source) End(ctx context.Context, id uint64, e events.SessionClosed) (deferred bool, err error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.calls.Leave()
	if err := s.check(&e); err != nil {
		return false, err
	}
	r := s.registry
	now := events.TimeOf(r.options.Now())
	err = r.append(ctx, func() ([]storage.Entry, error) { return s.sessionEvents(id, []events.Event{&e}) })
	if err == nil || !journal.Unwritable(err) {
		return false, err
	}
	if _, err := s.sessionEvents(id, []events.Event{&e}); err != nil {
		return false, refused(err) // it is not this source's to end, or has ended
	}
	r.journal.Defer(id, now, &e)
	return true, nil
}

// RecordStatistics records samples of any number of sessions. Those of sessions and
// connections that have ended meanwhile, or that are not the source's, are left out.
func (s *Source) RecordStatistics(ctx context.Context, samples []Sample) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Leave()
	for chunk := range slices.Chunk(samples, journal.MaxBatch) {
		if err := s.registry.append(ctx, func() ([]storage.Entry, error) { return s.statistics(chunk) }); err != nil {
			return err
		}
	}
	return nil
}

// statistics decides about samples: those that do not fit are left out.
func (s *Source) statistics(samples []Sample) ([]storage.Entry, error) {
	entries := make([]storage.Entry, 0, len(samples))
	for i := range samples {
		e := &events.StatisticsRecorded{Final: samples[i].Final()}
		d := lifecycle.NewDraft(s.registry.state.Lookup(samples[i].Session))
		if d.Owner(e, s.name, s.incarnation) == nil && s.checker.Check(e, s.name) == nil && d.Take(e) == nil {
			entries = append(entries, journal.Checked(samples[i].Session, e))
		}
	}
	return entries, nil
}

// Observe shows samples to readers without recording them. Those of sessions that are
// not live, or not the source's, are left out.
func (s *Source) Observe(samples []Sample) {
	own := make([]Sample, 0, len(samples))
	for i := range samples {
		if lifecycle.Foreign(s.registry.state.Lookup(samples[i].Session), s.name, s.incarnation) == "" {
			own = append(own, samples[i])
		}
	}
	s.registry.state.Observe(own, events.TimeOf(s.registry.options.Now()))
}
