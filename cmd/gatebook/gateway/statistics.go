package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/relay"
)

// statistics collects the counters of the sessions that do something. A session
// on which nothing happens costs it nothing.
type statistics struct {
	recorder statisticsRecorder
	index    *sessionIndex
	log      zerolog.Logger

	// mu guards active.
	mu sync.Mutex
	// active are the sessions whose counters changed since the last look.
	active []*session

	// The rest belongs to the goroutine of run.
	schedule *schedule
	spare    []*session // the other half of active
	samples  []gatebook.Sample
	due      []uint64
	// failing: the last recording failed, which was logged.
	failing bool
}

// statisticsRecorder takes the counters of sessions.
type statisticsRecorder interface {
	// Observe shows samples without recording them.
	Observe(samples []gatebook.Sample)
	// RecordStatistics records samples. Those of sessions that have ended are left out.
	RecordStatistics(ctx context.Context, samples []gatebook.Sample) error
}

func newStatistics(recorder statisticsRecorder, index *sessionIndex, log zerolog.Logger) *statistics {
	return &statistics{recorder: recorder, index: index, log: log, schedule: newSchedule()}
}

// note puts a session on the list for the next look.
func (t *statistics) note(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active = append(t.active, s)
}

// run looks at every tick until ctx ends. When it panics the schedule may be in any
// state, so that the next call has a new one.
func (t *statistics) run(ctx context.Context, interval time.Duration) {
	returned := false
	defer func() {
		if !returned {
			t.schedule = newSchedule()
		}
	}()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			t.observe(now)
			// Ticks are never quite punctual: what is due before the middle of the
			// interval is due now.
			t.record(ctx, now.Add(interval/2))
		case <-ctx.Done():
			returned = true
			return
		}
	}
}

// observe shows the counters that changed since the last look.
func (t *statistics) observe(now time.Time) {
	t.mu.Lock()
	t.active, t.spare = t.spare[:0], t.active
	t.mu.Unlock()
	t.samples = t.samples[:0]
	for i, s := range t.spare {
		t.spare[i] = nil
		_ = s.Guard(func() error { t.look(s, now); return nil })
	}
	if len(t.samples) > 0 {
		t.recorder.Observe(t.samples)
	}
}

// look takes the counters of one session, and schedules it.
func (t *statistics) look(s *session, now time.Time) {
	// Before the counters are read: a change after that puts it on the list anew.
	s.busy.Store(false)
	if t.index.find(s.record.ID()) != s {
		return // its end has its last counters
	}
	t.samples = s.sample(t.samples)
	t.schedule.changed(s.record.ID(), now)
}

// record records the counters of the sessions that are due, in one call.
func (t *statistics) record(ctx context.Context, now time.Time) {
	t.due = t.schedule.due(now, t.due[:0])
	t.samples = t.samples[:0]
	for _, id := range t.due {
		if s := t.index.find(id); s != nil {
			_ = s.Guard(func() error { t.samples = s.sample(t.samples); return nil })
		}
	}
	if len(t.samples) == 0 {
		return
	}
	err := t.recorder.RecordStatistics(ctx, t.samples)
	switch {
	case err != nil && ctx.Err() == nil && !t.failing:
		t.failing = true
		t.log.Error().Err(err).Msg("cannot record statistics")
	case err == nil:
		t.failing = false
	}
}

// sample appends the counters of the session's connections, as they are now, and with the
// client's whether the session waits for its server.
func (s *session) sample(list []gatebook.Sample) []gatebook.Sample {
	client := sampleOf(s.record.ID(), 0, s.client)
	if w := s.activity.waiting(); w.Known {
		client.Activity, client.ActivitySince = gatebook.ActivityIdle, w.Since
		if w.Owed {
			client.Activity = gatebook.ActivityWaiting
		}
	}
	return append(list, client, sampleOf(s.record.ID(), s.number, s.server))
}

// sampleOf returns the counters of a connection.
func sampleOf(id uint64, number uint32, c *relay.Conn) gatebook.Sample {
	return gatebook.Sample{Session: id, Connection: number, Counters: c.Counters(), Active: c.Active()}
}
