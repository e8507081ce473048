package gateway

import (
	"testing"
	"time"

	"gatebook/events"
)

// TestTimeoutAmongSuccesses checks that a server which greets one client in time and not another, as
// in a burst that is larger than its backlog, is not marked down. When it then greets nobody it is.
func TestTimeoutAmongSuccesses(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{}, 1)
	silent <- struct{}{}
	r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.ConnectTimeout = 300 * time.Millisecond }, newStubServer(t, func(p peer) {
		select {
		case <-silent:
			p.wantEnd()
		default:
			mysqlServer(p)
		}
	}).address())
	unlucky := r.dial()
	r.await(t, "the server has it", func() bool { return len(silent) == 0 })
	r.dial().logIn()
	wantMySQLError(unlucky, 0, mysqlUnreachable)
	wantReason(t, r, 1, events.ReasonConnectFailed)
	if state := r.backends.find("db1").unrecordedState(); state != events.ServerRunning {
		t.Errorf("after a timeout among successes the server is %v", state)
	}
	silent <- struct{}{}
	wantMySQLError(r.dial(), 0, mysqlUnreachable)
	if state := r.backends.find("db1").unrecordedState(); state != events.ServerDown {
		t.Errorf("after a timeout alone the server is %v", state)
	}
}

// unrecordedState returns the state of a server, whether it is on the record or not.
func (b *backend) unrecordedState() events.ServerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}
