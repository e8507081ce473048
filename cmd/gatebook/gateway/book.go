package gateway

import (
	"context"
	"time"

	"gatebook"
	"gatebook/events"
)

// Book is where the gateway reports what it sees: a [gatebook.Source]. Events and
// lists given to Open and Record belong to the book from then on; slices of
// samples are the gateway's again when the call returns.
type Book interface {
	DeclareService(ctx context.Context, e events.ServiceDeclared) error
	DeclareServer(ctx context.Context, e events.ServerDeclared) error
	// Open records that a client connected and returns its session's id.
	Open(ctx context.Context, e events.SessionOpened) (uint64, error)
	// OpenSince is Open for a client that connected at a time before.
	OpenSince(ctx context.Context, connected time.Time, e events.SessionOpened) (uint64, error)
	// Record records events of a session, all or none, durably.
	Record(ctx context.Context, id uint64, list ...events.Event) error
	// End records how a session ended, or keeps that until the log takes it.
	End(ctx context.Context, id uint64, e events.SessionClosed) (held bool, err error)
	// ServerChanged records a server's state, if it is another than before.
	ServerChanged(ctx context.Context, e events.ServerChanged) error
	// RecordGap records how much could not be recorded.
	RecordGap(ctx context.Context, e events.RecordingGap) error
	// RecordStatistics leaves out the samples of sessions that have ended.
	RecordStatistics(ctx context.Context, samples []gatebook.Sample) error
	// Observe shows samples without recording them.
	Observe(samples []gatebook.Sample)
	// Kills waits for sessions that somebody wants ended. Each is returned once.
	Kills(ctx context.Context) ([]uint64, error)
	// Stop ends the reports of this gateway.
	Stop(ctx context.Context) error
}
