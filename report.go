package gatebook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/internal/intake"
)

// Report is what a source outside this process reports at once: all of it is recorded, or
// nothing.
type Report struct {
	// Source names the program that reports, Incarnation this run of it. A new incarnation
	// ends the sessions of the one before it as lost.
	Source, Incarnation string
	// Account is the account by which the report came, "" for none. It is recorded where its
	// name is not the source's own.
	Account string
	// Version and Host are shown as they are; "" keeps what was reported before.
	Version, Host string
	// Lease is how long the source may be silent before its sessions are lost, from 1 s to
	// 24 h; 0 keeps what was reported before, and that is 30 s at first.
	Lease time.Duration
	// Number identifies the report among those of its incarnation, where it rises; a report
	// that is sent again is known by it. 0 for none: its events are then compared with those
	// that are recorded.
	Number uint64
	// Events may be none: every report renews the lease. They belong to the registry from
	// then on.
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
}

// ReportResult is the answer to a report.
type ReportResult struct {
	// Accepted counts the events, whether they were recorded before or not.
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

// Report records what a source outside this process reports. When it returns without an
// error the report is durable, and the source's lease begins anew. Sending a report again
// does nothing, also after a restart of the registry.
//
// Errors: [*ReportError], those of recording.
func (r *Registry) Report(ctx context.Context, report Report) (ReportResult, error) {
	if !r.calls.Enter() {
		return ReportResult{}, ErrClosed
	}
	defer r.calls.Leave()
	p := intake.Report{
		Source: report.Source, Incarnation: report.Incarnation, Account: report.Account, Version: report.Version, Host: report.Host,
		Lease: report.Lease, Number: report.Number, Events: make([]intake.Event, len(report.Events)),
	}
	for i, e := range report.Events {
		p.Events[i] = intake.Event{Key: e.Key, Occurred: events.TimeOf(e.Occurred), Event: e.Event, Observed: e.Observed}
	}
	result, err := r.intake.Report(ctx, &p)
	if unfit, ok := errors.AsType[*intake.Error](err); ok {
		err = &ReportError{Index: unfit.Index, Kind: unfit.Kind, Key: unfit.Key, Why: unfit.Why}
	}
	return ReportResult(result), err
}
