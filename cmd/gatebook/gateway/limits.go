package gateway

import (
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/relay"
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

// activity is whether an established session does something. Any goroutine may read it.
type activity struct {
	// since is when the session was established last, as [events.Time].
	since atomic.Int64
	// traffic follows what both sides send; nil before the session is established.
	traffic atomic.Pointer[login.Traffic]
}

// waiting returns whether the session waits for its server.
func (a *activity) waiting() login.Waiting {
	if traffic := a.traffic.Load(); traffic != nil {
		return (*traffic).Waiting()
	}
	return login.Waiting{}
}

// lastMoved returns when something was last read from either side, or taken by it.
func (a *activity) lastMoved(client, server *relay.Conn) time.Time {
	return max(client.Active(), server.Active(), client.Taken(), server.Taken(), events.Time(a.since.Load())).Time()
}
