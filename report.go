package gatebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/projection"
)

const (
	// firstLease is what a source has that never asked for another one.
	firstLease = 30 * time.Second
	// minLease and maxLease bound what it may ask for.
	minLease = time.Second
	maxLease = 24 * time.Hour
)

// Report is what a source outside this process reports at once: all of it is recorded, or
// nothing.
type Report struct {
	// Source names the program that reports, Incarnation this run of it. A new
	// incarnation ends the sessions of the one before it as lost.
	Source, Incarnation string
	// Version and Host are shown as they are; "" keeps what was told before.
	Version, Host string
	// Lease is how long the source may be silent before its sessions are lost; 0 keeps
	// what was told before, and that is 30 s at first.
	Lease time.Duration
	// Number identifies the report among those of its incarnation, where it rises; a
	// report that is sent again is known by it. 0 for none: its events are then
	// compared with those that are on the record.
	Number uint64
	// Events may be none: every report renews the lease. They belong to the registry
	// from then on.
	Events []Reported
}

// Reported is one event of a report.
type Reported struct {
	// Key is the source's own name for the session, "" where the event is about none.
	Key string
	// Occurred is when it happened by the source's clock; the zero time where that is not
	// known.
	Occurred time.Time
	// Event is what happened. Source, incarnation and key are filled in.
	Event events.Event
	// Observed: the event is statistics that are shown and not recorded.
	Observed bool

	given string // the key as it was given, where it had to be cut
}

// ReportResult is the answer to a report.
type ReportResult struct {
	// Accepted counts the events, whether they were on the record before or not.
	Accepted int
	// Sessions are the ids of the sessions that the report names, by their keys.
	Sessions map[string]uint64
	// Sequence is the log's last.
	Sequence uint64
}

// ReportError reports what in a report does not fit. Nothing of it was recorded.
type ReportError struct {
	// Index is the event's place in the report, from 0; -1 for the report itself.
	Index int
	// Kind is the event's, Key its session's.
	Kind string
	Key  string
	// Why says what does not fit.
	Why string
}

func (e *ReportError) Error() string {
	switch {
	case e.Index < 0:
		return e.Why
	case e.Key == "":
		return fmt.Sprintf("event %d, %s: %s", e.Index, e.Kind, e.Why)
	}
	return fmt.Sprintf("event %d, %s of %q: %s", e.Index, e.Kind, e.Key, e.Why)
}

func badReport(format string, args ...any) error {
	return &ReportError{Index: -1, Why: fmt.Sprintf(format, args...)}
}

// Report records what a source outside this process reports. When it returns without an
// error the report is durable, and the source's lease begins anew. Sending a report again
// does nothing, also after a restart of the registry.
//
// Errors: [*ReportError], those of recording.
func (r *Registry) Report(ctx context.Context, report Report) (ReportResult, error) {
	if !r.calls.enter() {
		return ReportResult{}, ErrClosed
	}
	defer r.calls.leave()
	err := report.clean()
	if err != nil {
		r.counts.refused.Add(1)
		return ReportResult{}, err
	}
	o, err := r.remotes.enter(ctx, report.Source)
	if err != nil {
		return ReportResult{}, err
	}
	defer o.turn.leave()
	source, err := r.reporter(&report)
	if err != nil {
		r.counts.refused.Add(1)
		return ReportResult{}, err
	}
	report.fill(source)
	known := source != nil && source.Incarnation == report.Incarnation
	if known {
		r.remotes.renew(o, leaseOf(source)) // whatever becomes of the report, its source is alive
	}
	if report.declares() {
		if err := r.declaring.take(ctx); err != nil {
			return ReportResult{}, err
		}
		defer r.declaring.leave()
	}
	d := reading{registry: r, report: &report}
	if source != nil && (!known || source.State != projection.SourceRunning) {
		if err := r.prepare(ctx, &d, source); err != nil {
			return ReportResult{}, err
		}
	}
	if err := r.append(ctx, d.decide); err != nil {
		if _, refused := errors.AsType[*ReportError](err); refused {
			r.counts.refused.Add(1)
		}
		return ReportResult{}, err
	}
	r.state.Observe(d.samples())
	if source, _ := r.state.Source(report.Source); source != nil {
		r.remotes.renew(o, leaseOf(source))
	}
	return ReportResult{Accepted: len(report.Events), Sessions: d.idsByKey(), Sequence: r.state.Moment().Sequence}, nil
}

// prepare ends the incarnation before the one that reports, or recovers what this one
// has lost. Nothing is done for a report that will be refused.
func (r *Registry) prepare(ctx context.Context, d *reading, source *projection.Source) error {
	if _, err := d.decide(); err != nil {
		r.counts.refused.Add(1)
		return err
	}
	if source.Incarnation != d.report.Incarnation {
		return r.loseSource(ctx, source, 0)
	}
	return r.recoverSessions(ctx, source)
}

// reporter finds the source that reports; nil when it is new. It refuses the names
// that are not for sources outside, and incarnations that are over.
func (r *Registry) reporter(report *Report) (*projection.Source, error) {
	source, _ := r.state.Source(report.Source)
	switch {
	case r.sources.find(report.Source) != nil, source != nil && source.Lease == 0:
		return nil, badReport("source %q is one of the registry's own process; a source outside needs another name", report.Source)
	case source != nil && slices.Contains(source.Former, report.Incarnation):
		return nil, badReport("incarnation %q of source %q is over: %q came after it; each run of a source needs an incarnation of its own",
			report.Incarnation, source.Name, source.Incarnation)
	}
	return source, nil
}

// declares tells whether the report declares services or servers.
func (p *Report) declares() bool {
	return slices.ContainsFunc(p.Events, func(e Reported) bool { return e.Key == "" })
}

// pendingKills returns the sequences of the records that ask a source to end
// sessions which still live, in ascending order.
func (r *Registry) pendingKills(source string) ([]uint64, error) {
	var pending []uint64
	for _, s := range r.state.LiveOf(source) {
		if s.Stage != projection.Stopping {
			continue
		}
		t := trail{registry: r, session: s}
		for i := len(t.sequences()) - 1; i >= 0; i-- {
			record, err := t.read(i)
			if err != nil {
				return nil, fmt.Errorf("find the kill of session %d: %w", s.ID, err)
			}
			if record.Event.Kind() == events.KindKillRequested {
				pending = append(pending, record.Sequence)
				break
			}
		}
	}
	slices.Sort(pending)
	return pending, nil
}
