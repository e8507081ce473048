package gatebook

import (
	"time"

	"gatebook/internal/intake"
	"gatebook/storage"
)

// Options are the choices of [Open]. The zero value is ready.
type Options struct {
	// Log is the log to use, which the registry then closes. Nil means a bbolt file in the
	// data folder.
	Log storage.Log
	// Now is the clock. Nil means the system's.
	Now         func() time.Time
	systemClock bool // Now was nil
	// Report is called with what fails in the background, where no caller is there to get
	// the error. It must not block. Nil discards it.
	Report func(error)
	// ScrubPeriod is how long the log is read through in the background, from its files, again
	// and again: see [Registry.Damage]. 0 means a week; less than 0 means never.
	ScrubPeriod time.Duration
	// SegmentBytes is the size at which a segment of the log that Open opens is sealed and the
	// next one begun, in bytes. 0 means 256 MiB.
	SegmentBytes int64
	// Locked is called when the data folder is locked, before anything in it is read. An
	// error of it ends Open. Nil means that nothing is called.
	Locked func() error
	// Progress is called while Open brings the state up to date, with how many records it has
	// applied, of how many. It must not block. Nil means that nothing is called.
	Progress func(applied, of uint64)
	// Upgrading is called while Open brings a log of an older format up to date, with the bytes
	// that were copied, of how many. It must not block. Nil means that nothing is called.
	Upgrading func(copied, of int64)
	// Anchors keep signed heads of the log elsewhere, AnchorEvery how often at most: 0 means once a
	// minute.
	Anchors     []Anchor
	AnchorEvery time.Duration
	// Names bounds how many services, servers and sources programs outside may name. 0 stands
	// for the default of each limit: 2,000 of one source, and 10,000 in all.
	Names NameLimits
	// Committed is called after each commit of the log that Open makes, with the number of
	// its records and how long it took. It must not block. Nil means that nothing is called.
	Committed func(records int, took time.Duration)
}

// NameLimits bound how many services and servers, each, sources outside this process may name:
// names are kept for ever. PerSource is the most of one source, Total the most in all, and the
// most sources.
type NameLimits = intake.NameLimits

// OpenInfo is what a registry found when it opened its book.
type OpenInfo struct {
	// New: there was no book, and one was begun.
	New bool
	// Upgraded is what was done to a log of an older format.
	Upgraded storage.Upgraded
	// Rebuilt is why book.db had to be made again from the log, nil when it had not.
	Rebuilt error
	// Records is how many the log held, Replayed how many of them were read because no
	// checkpoint covered them.
	Records, Replayed uint64
	// Lost counts the sessions whose end was inferred when opening.
	Lost int
	// Took is how long opening took.
	Took time.Duration
}

// OpenInfo returns what the registry found when it opened.
func (r *Registry) OpenInfo() OpenInfo { return r.opening }
