package events

import "gatebook/events/wire"

// SourceStarted records the start of an incarnation of a source: one run of a program
// that reports sessions. It is recorded again, for the same incarnation, when these
// details have changed.
type SourceStarted struct {
	Source      string
	Incarnation string
	Version     string
	Host        string
	// Lease is how long the source may be silent, in microseconds, before its sessions
	// are lost. It is 0 for a source in the registry's own process.
	Lease int64
	// Account is the account of the API that reports for the source, where it has another name
	// than the source. Personal, of the actor.
	Account string
}

// Kind returns [KindSourceStarted].
func (*SourceStarted) Kind() Kind { return KindSourceStarted }

func (e *SourceStarted) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
	c.Text(3, &e.Version)
	c.Text(4, &e.Host)
	wire.Int(c, 5, &e.Lease)
}

func (e *SourceStarted) personal(p *personalCoders) { p.actor.Text(1, &e.Account) }

// SourceStopped records that an incarnation ended in order.
type SourceStopped struct {
	impersonal
	Source      string
	Incarnation string
}

// Kind returns [KindSourceStopped].
func (*SourceStopped) Kind() Kind { return KindSourceStopped }

func (e *SourceStopped) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
}

// SourceLost records that the end of an incarnation was inferred.
type SourceLost struct {
	impersonal
	Source      string
	Incarnation string
	Cause       Reason
	LastSeen    Time
}

// Kind returns [KindSourceLost].
func (*SourceLost) Kind() Kind { return KindSourceLost }

func (e *SourceLost) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
	wire.Uint(c, 3, &e.Cause)
	wire.Int(c, 4, &e.LastSeen)
}

// SourceSeen records that a source was alive at the recorded time. It is recorded at
// most once a minute while the source has live sessions, and as the last record of each
// report with a number.
type SourceSeen struct {
	impersonal
	Source      string
	Incarnation string
	// Number is the number of the report, 0 for none.
	Number uint64
}

// Kind returns [KindSourceSeen].
func (*SourceSeen) Kind() Kind { return KindSourceSeen }

func (e *SourceSeen) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
	wire.Uint(c, 3, &e.Number)
}

// RecordingGap counts what a source could not record while it went on working.
type RecordingGap struct {
	impersonal
	Source string
	// Sessions and Events are the numbers that could not be recorded between From and
	// Until.
	Sessions, Events uint64
	From, Until      Time
}

// Kind returns [KindRecordingGap].
func (*RecordingGap) Kind() Kind { return KindRecordingGap }

func (e *RecordingGap) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	wire.Uint(c, 2, &e.Sessions)
	wire.Uint(c, 3, &e.Events)
	wire.Int(c, 4, &e.From)
	wire.Int(c, 5, &e.Until)
}
