package record

import (
	"context"
	"time"

	"gatebook/events"
)

// Recorder takes the events of sessions. Events and lists given to it are its own from
// then on.
type Recorder interface {
	// OpenSince records that a client connected, and returns the id of its session.
	// connected is when that was; the zero time stands for the time of the recording.
	OpenSince(ctx context.Context, connected time.Time, e events.SessionOpened) (uint64, error)
	// Record records events of a session, all or none, durably.
	Record(ctx context.Context, id uint64, list ...events.Event) error
	// End records how a session ended. It keeps an end that the log does not take until
	// the log takes it, and then returns true.
	End(ctx context.Context, id uint64, e events.SessionClosed) (deferred bool, err error)
	// RecordGap records how much could not be recorded.
	RecordGap(ctx context.Context, e events.RecordingGap) error
}

// Owner is the session that a [Session] records. Any goroutine may call its methods.
type Owner interface {
	// Guard calls f and returns its error. A panic in f ends the session, and is returned
	// as a [*panics.Error].
	Guard(f func() error) error
	// ExpectID is called before the opening is given to the recorder.
	ExpectID()
	// AssignID is called when the opening was recorded under id. The id is 0 when it was
	// not.
	AssignID(id uint64)
	// Recorded is called, with best effort alone, when session_ready was recorded or
	// counted as missing. From then on counters of the session can be recorded.
	Recorded()
}
