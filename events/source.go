package events

import "gatebook/events/wire"

// SourceStarted begins an incarnation of a source: one run of a program that
// reports sessions. It comes again, of the same incarnation, when what it tells of
// the source is no longer so.
type SourceStarted struct {
	impersonal
	Source      string
	Incarnation string
	Version     string
	Host        string
	// Lease is how long the source may be silent, in microseconds, before its
	// sessions are lost. 0: it lives in the registry's own process.
	Lease int64
}

// Kind is [KindSourceStarted].
func (*SourceStarted) Kind() Kind { return KindSourceStarted }

func (e *SourceStarted) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
	c.Text(3, &e.Version)
	c.Text(4, &e.Host)
	wire.Int(c, 5, &e.Lease)
}

// SourceStopped ends an incarnation in order.
type SourceStopped struct {
	impersonal
	Source      string
	Incarnation string
}

// Kind is [KindSourceStopped].
func (*SourceStopped) Kind() Kind { return KindSourceStopped }

func (e *SourceStopped) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
}

// SourceLost ends an incarnation whose end nobody saw.
type SourceLost struct {
	impersonal
	Source      string
	Incarnation string
	Cause       Reason
	LastSeen    Time
}

// Kind is [KindSourceLost].
func (*SourceLost) Kind() Kind { return KindSourceLost }

func (e *SourceLost) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
	wire.Uint(c, 3, &e.Cause)
	wire.Int(c, 4, &e.LastSeen)
}

// SourceSeen tells that a source was alive when this was recorded. It is
// recorded at most once a minute while the source has live sessions, and besides
// as the last record of each report that has a number.
type SourceSeen struct {
	impersonal
	Source      string
	Incarnation string
	// Number is that of the report, 0 for none.
	Number uint64
}

// Kind is [KindSourceSeen].
func (*SourceSeen) Kind() Kind { return KindSourceSeen }

func (e *SourceSeen) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	c.Text(2, &e.Incarnation)
	wire.Uint(c, 3, &e.Number)
}

// RecordingGap tells what a source could not record while it went on working.
type RecordingGap struct {
	impersonal
	Source string
	// Sessions and Events are how many could not be recorded between From and
	// Until.
	Sessions, Events uint64
	From, Until      Time
}

// Kind is [KindRecordingGap].
func (*RecordingGap) Kind() Kind { return KindRecordingGap }

func (e *RecordingGap) core(c *wire.Coder) {
	c.Text(1, &e.Source)
	wire.Uint(c, 2, &e.Sessions)
	wire.Uint(c, 3, &e.Events)
	wire.Int(c, 4, &e.From)
	wire.Int(c, 5, &e.Until)
}
