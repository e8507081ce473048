package gateway

import (
	"fmt"
	"sync/atomic"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/events"
)

// admission decides whether a service lets in one more session. All configurations of the
// service share it. It is safe for concurrent use.
type admission struct {
	// sessions is how many were let in and have not ended.
	sessions atomic.Int64
	// stopped: an administrator has stopped the service, which lets no session in.
	stopped atomic.Bool
}

// slots are the counters in which a session counts until it ends: that of its service and
// that of its server. They belong to the session's goroutine. The zero value has none.
type slots struct {
	taken [2]*atomic.Int64
	count int
}

// take keeps a counter in which the session counts from now on.
func (t *slots) take(counter *atomic.Int64) {
	t.taken[t.count] = counter
	t.count++
}

// release gives back what was taken. Calling it again changes nothing.
func (t *slots) release() {
	taken := t.taken[:t.count]
	t.count = 0
	for _, counter := range taken {
		counter.Add(-1)
	}
}

// Admit counts the session toward the limit of its service, or returns how it ends.
func (s *session) Admit() *ending.Ending {
	a := s.service.admission
	if a.stopped.Load() {
		return &ending.Ending{Reason: events.ReasonShutdown, Description: fmt.Sprintf("service %s is stopped", s.service.Name)}
	}
	limit := int64(s.service.MaxSessions)
	if n := a.sessions.Add(1); limit > 0 && n > limit {
		a.sessions.Add(-1)
		return &ending.Ending{
			Reason:      events.ReasonLimit,
			Description: fmt.Sprintf("Too many connections: service %s takes %d sessions", s.service.Name, limit),
		}
	}
	s.slots.take(&a.sessions)
	return nil
}
