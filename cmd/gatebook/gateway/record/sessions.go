package record

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Sessions records the sessions of a gateway in one of two modes. It is safe for
// concurrent use.
type Sessions struct {
	recorder Recorder
	// bestEffort: sessions go on without a record, and do not wait for one.
	bestEffort bool
	log        zerolog.Logger
	gap        gap
	// reported is when the log last had an entry about a session that could not be
	// recorded; unreported is how many there were since.
	reported   atomic.Int64
	unreported atomic.Uint64
}

// NewSessions returns what records sessions with a recorder, strictly or with best effort.
func NewSessions(recorder Recorder, bestEffort bool, log zerolog.Logger) *Sessions {
	return &Sessions{recorder: recorder, bestEffort: bestEffort, log: log}
}

// BestEffort reports whether sessions go on without a record.
func (all *Sessions) BestEffort() bool { return all.bestEffort }

// Missed counts whole sessions, and events of others, that could not be recorded. It logs
// err when a gap begins.
func (all *Sessions) Missed(sessions, lost uint64, err error) {
	if all.gap.note(sessions, lost, time.Now()) {
		all.log.Error().Err(err).Msg("cannot record; sessions go on, and are counted")
	}
}

// Missing returns how many sessions and events were missed and are not recorded as a gap
// yet.
func (all *Sessions) Missing() (sessions, lost uint64) { return all.gap.counted() }

// RecordGap records what was missed, if anything was.
func (all *Sessions) RecordGap(ctx context.Context) error { return all.gap.record(ctx, all.recorder) }

// gapRetry is the time between two attempts to record a gap.
const gapRetry = time.Second

// WatchGaps records gaps until ctx ends.
func (all *Sessions) WatchGaps(ctx context.Context) {
	ticker := time.NewTicker(gapRetry)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = all.RecordGap(ctx) // that the log takes nothing was logged when the gap began
		case <-ctx.Done():
			return
		}
	}
}

// reportPause is the least time between two entries of the log about sessions that cannot
// be recorded: while the disk is full clients come back again and again, and each is refused.
const reportPause = time.Second

// report logs why a session could not be recorded.
func (all *Sessions) report(service string, id uint64, err error) {
	now, last := time.Now().UnixNano(), all.reported.Load()
	if now-last < int64(reportPause) || !all.reported.CompareAndSwap(last, now) {
		all.unreported.Add(1)
		return
	}
	all.log.Error().Err(err).Str("service", service).Uint64("session", id).
		Uint64("others", all.unreported.Swap(0)).Msg("cannot record session")
}
