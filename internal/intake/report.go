package intake

import (
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

// Report is what a source reports at once.
type Report struct {
	Source, Incarnation string
	// Account is the account by which the report came, "" for none.
	Account string
	// Version and Host may be "": then what was reported before stays.
	Version, Host string
	// Lease may be 0: then the one before stays.
	Lease time.Duration
	// Number identifies the report among those of its incarnation; 0 for none.
	Number uint64
	// Events belong to the intake.
	Events []Event
}

// Event is one event of a report.
type Event struct {
	// Key is the source's own name for the session, "" where the event is about none.
	Key      string
	Occurred events.Time
	Event    events.Event
	// Observed: the event is statistics that are shown and not recorded.
	Observed bool

	given string // the key as it was given, where it had to be cut
}

// Result is the answer to a report.
type Result struct {
	// Accepted counts the events, whether they were recorded before or not.
	Accepted int
	// Sessions are the ids of the sessions that the report names, by their keys.
	Sessions map[string]uint64
	// Sequence is the log's last.
	Sequence uint64
}

// Error reports what in a report does not fit. Nothing of it was recorded.
type Error struct {
	// Index is the event's place in the report, from 0; -1 for the report itself.
	Index     int
	Kind, Key string
	Why       string
}

func (e *Error) Error() string { return fmt.Sprintf("event %d: %s", e.Index, e.Why) }

func badReport(format string, args ...any) error {
	return &Error{Index: -1, Why: fmt.Sprintf(format, args...)}
}

// foreignAccount returns the account by which the report came; "" where it has the name of the
// source.
func (p *Report) foreignAccount() string {
	if projection.NameKey(p.Account) == projection.NameKey(p.Source) {
		return ""
	}
	return p.Account
}

// declares reports whether the report declares services or servers.
func (p *Report) declares() bool {
	return slices.ContainsFunc(p.Events, func(e Event) bool { return e.Key == "" })
}
