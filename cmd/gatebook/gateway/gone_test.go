package gateway

import (
	"io"
	"testing"
	"time"

	"gatebook/events"
)

// TestGoneWhileDialling checks that a client which hangs up while its server is dialled ends
// its session then.
func TestGoneWhileDialling(t *testing.T) {
	t.Parallel()
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		dialled := make(chan struct{})
		r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.ConnectTimeout = time.Hour }, newStubServer(t, func(p peer) {
			close(dialled)
			p.wantEnd() // it never greets
		}).address())
		client := r.dial()
		<-dialled
		r.endGone(time.Now())
		if end := r.only().stoppedBy(); end != events.ReasonNone {
			t.Errorf("a client that waits was ended with %v", end)
		}
		client.Close()
		r.await(t, "its end is noticed", func() bool {
			r.endGone(time.Now())
			return len(r.sessions.index.all()) == 0
		})
		wantReason(t, r, 1, events.ReasonClientClosed)
	})
	t.Run("mysql: reset", func(t *testing.T) {
		t.Parallel()
		dialled := make(chan struct{})
		r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.ConnectTimeout = time.Hour }, newStubServer(t, func(p peer) {
			close(dialled)
			p.wantEnd()
		}).address())
		client := r.dial()
		<-dialled
		client.SetLinger(0)
		client.Close()
		r.await(t, "its end is noticed", func() bool {
			r.endGone(time.Now())
			return len(r.sessions.index.all()) == 0
		})
		if end := r.recorder.ended(t, 1); end.Reason != events.ReasonNetworkError || end.Description != "client: connection reset by peer" {
			t.Errorf("ended with %v %q", end.Reason, end.Description)
		}
	})
}

// TestCancelOfGoneClient checks that a request to cancel a query reaches its server although
// the client hangs up behind it, while the server is dialled.
func TestCancelOfGoneClient(t *testing.T) {
	t.Parallel()
	dialled, release, cancelled := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	r := newHarness(t, Postgres, func(r *harness, _ *Service) {
		r.servers = func(s *Server) { s.TLS = TLSPrefer }
	}, newStubServer(t, func(p peer) {
		p.startup() // it asks for TLS
		select {
		case <-first:
			p.send([]byte("N"))
			p.startup()
			p.send([]byte(pgWelcome()))
			echo(p)
			return
		default:
		}
		close(dialled)
		<-release
		p.send([]byte("N"))
		cancelled <- string(p.startup())
	}).address())
	r.logIn(r.dial())
	client := r.dial()
	client.send(pgStartup(pgCancel, pgKey))
	client.Close()
	<-dialled
	s := r.sessions.index.find(2)
	r.await(t, "its end is there", func() bool { ended, _ := s.client.HungUp(); return ended })
	r.endGone(time.Now())
	close(release)
	if got := <-cancelled; got != string(pgStartup(pgCancel, pgKey)) {
		t.Errorf("the server got %q", got)
	}
	r.recorder.ended(t, 2)
}

// stoppedBy returns why the session was stopped from outside.
func (s *session) stoppedBy() events.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// TestGoneBehindUnreadBytes checks that a client whose end is behind bytes that the gateway
// does not read, because its server reads nothing, is found to be gone.
func TestGoneBehindUnreadBytes(t *testing.T) {
	t.Parallel()
	for name, high := range map[string]int{"queued": DefaultHighWater, "nothing queued": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			defer close(release)
			r := newHarness(t, Postgres, func(_ *harness, s *Service) { s.HighWater, s.LowWater = high, high/2 }, newStubServer(t, func(p peer) {
				p.SetReadBuffer(16 << 10)
				p.startup()
				p.send([]byte(pgWelcome()))
				<-release
			}).address())
			client := r.dial()
			client.SetWriteBuffer(16 << 10)
			r.logIn(client)
			r.awaitRelay(t, 1)
			sent := make(chan struct{})
			go func() { // until the gateway takes no more
				defer close(sent)
				client.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = io.Copy(client, endless{})
			}()
			<-sent
			client.CloseWrite()
			now := time.Now()
			r.await(t, "its end is noticed", func() bool {
				now = now.Add(time.Second)
				r.endGone(now)
				return len(r.sessions.index.all()) == 0
			})
			end := r.recorder.ended(t, 1)
			if end.Reason != events.ReasonClientClosed && end.Reason != events.ReasonNetworkError {
				t.Errorf("ended with %v %q", end.Reason, end.Description)
			}
		})
	}
}

// endless is a piece of a copy without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, pgMessage('d', "row\n")), nil }
