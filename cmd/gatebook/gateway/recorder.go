package gateway

import (
	"context"
	"time"

	"gatebook"
	"gatebook/events"
)

// Recorder is where the gateway records what it sees, and from which it takes orders: a
// [gatebook.Source]. Events and lists given to OpenSince and Record belong to the recorder
// from then on; slices of samples are the gateway's again when the call returns.
type Recorder interface {
	DeclareService(ctx context.Context, e events.ServiceDeclared) error
	DeclareServer(ctx context.Context, e events.ServerDeclared) error
	// ServerChanged records a server's state, if it differs from the last one.
	ServerChanged(ctx context.Context, e events.ServerChanged) error

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

	// Observe shows samples without recording them.
	Observe(samples []gatebook.Sample)
	// RecordStatistics records samples. Those of sessions that have ended are left out.
	RecordStatistics(ctx context.Context, samples []gatebook.Sample) error

	// Kills blocks until sessions are to be killed. It returns each once.
	Kills(ctx context.Context) ([]uint64, error)
	// Switches blocks until services of this source were stopped or started since the last
	// call. The first call returns at once with those that are stopped, if any.
	Switches(ctx context.Context) ([]gatebook.Switch, error)
	// Stop ends the reports of this gateway.
	Stop(ctx context.Context) error
}
