package gateway

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"gatebook/events"
)

// handClock is a clock that a test turns.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newRouter routes among servers a, b and c.
func newRouter(kind Router) (*router, *handClock) {
	clock := &handClock{now: time.Unix(1_000_000, 0)}
	f := newBackends(nil, []Server{{Name: "a"}, {Name: "b"}, {Name: "c"}})
	return &router{kind: kind, backends: f.copied(), limit: 5 * time.Second, now: clock.Now}, clock
}

// names returns the names of the candidates, in order.
func (r *router) names() string {
	got := ""
	for s := range r.candidates() {
		got += s.Name
	}
	return got
}

func wantOrders(t *testing.T, r *router, orders ...string) {
	t.Helper()
	for _, want := range orders {
		if got := r.names(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRoundRobin(t *testing.T) {
	t.Parallel()
	r, _ := newRouter(RoundRobin)
	wantOrders(t, r, "abc", "bca", "cab", "abc")
	for s := range r.candidates() {
		if s.Name != "b" {
			t.Errorf("got %s", s.Name)
		}
		break
	}
}

// TestInTurnWithoutSome checks that the sessions of a server which gets none are spread
// over all others.
func TestInTurnWithoutSome(t *testing.T) {
	t.Parallel()
	for _, kind := range []Router{RoundRobin, LeastConnections} {
		r, clock := newRouter(kind)
		r.backends[1].draining.Store(true)
		wantOrders(t, r, "ac", "ca", "ac", "ca")
		r.backends[1].draining.Store(false)
		r.backends[1].failed(clock.Now(), "connection refused")
		wantOrders(t, r, "acb", "cab", "acb")
		clock.add(firstPause)
		wantOrders(t, r, "bca", "acb") // one session tries b, the other does not wait for that
	}
}

func TestLeastConnections(t *testing.T) {
	t.Parallel()
	r, _ := newRouter(LeastConnections)
	wantOrders(t, r, "abc", "bca", "cab") // a tie: in turn
	r.backends[0].connections.Store(2)
	r.backends[1].connections.Store(1)
	wantOrders(t, r, "cba", "cba", "cba")
	r.backends[2].connections.Store(1)
	wantOrders(t, r, "bca", "bca", "cba")
}

func TestPriority(t *testing.T) {
	t.Parallel()
	r, clock := newRouter(Priority)
	wantOrders(t, r, "abc", "abc")
	r.backends[0].failed(clock.Now(), "connection refused")
	wantOrders(t, r, "bca", "bca")
	clock.add(firstPause)
	wantOrders(t, r, "abc", "bca") // one session tries it, the other does not wait for that
	r.backends[0].answered(clock.Now())
	wantOrders(t, r, "abc", "abc")
}

// TestLeftAlone checks that a server which does not answer is left alone for a growing
// time, however many sessions find that out at once.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	r, clock := newRouter(RoundRobin)
	b := r.backends[0]
	const limit = time.Hour // so that no pause can be mistaken for it
	for _, seconds := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if !b.offer(clock.Now(), limit) {
			t.Fatalf("not offered before a pause of %d s", seconds)
		}
		for range 3 {
			b.failed(clock.Now(), "connection refused")
		}
		clock.add(seconds*time.Second - time.Nanosecond)
		if b.offer(clock.Now(), limit) {
			t.Errorf("offered within a pause of %d s", seconds)
		}
		clock.add(time.Nanosecond)
	}
	b.answered(clock.Now())
	b.failed(clock.Now(), "connection refused")
	clock.add(firstPause)
	if !b.offer(clock.Now(), limit) {
		t.Error("the pause did not begin anew")
	}
	// A session that tries it may be held up: then it is another's turn.
	clock.add(limit - time.Nanosecond)
	if b.offer(clock.Now(), limit) {
		t.Error("offered to two at once")
	}
	clock.add(time.Nanosecond)
	if !b.offer(clock.Now(), limit) {
		t.Error("never offered again")
	}
	// An attempt that ended without an answer from the server is over, too.
	b.abandoned()
	if !b.offer(clock.Now(), limit) {
		t.Error("not offered after an attempt was given up")
	}
	if b.offer(clock.Now(), limit) {
		t.Error("offered to two at once after an attempt was given up")
	}
}

// TestAttemptGivenUp checks that a session which is killed while it tries a server that
// was down leaves the attempt to the next session.
func TestAttemptGivenUp(t *testing.T) {
	t.Parallel()
	tried := make(chan struct{}, 2)
	hangs := newStubServer(t, func(p peer) {
		tried <- struct{}{}
		p.wantEnd()
	})
	r := newHarness(t, MySQL, func(_ *harness, s *Service) {
		s.Router, s.ConnectTimeout = Priority, time.Hour
	}, hangs.address(), newStubServer(t, mysqlServer).address())
	// It went down long ago, so the next session is to try it.
	r.backends.find("db1").failed(time.Now().Add(-time.Minute), "connection refused")
	for id := uint64(1); id <= 3; id += 2 {
		r.dial()
		r.recorder.await(t, id, events.KindSessionOpened)
		select {
		case <-tried:
		case <-time.After(patienceOfTests):
			t.Fatalf("session %d does not try the server", id)
		}
		r.dial().logIn() // others do without it meanwhile
		r.recorder.kills <- []uint64{id}
		wantReason(t, r, id, events.ReasonKilled)
	}
}

// TestNoOtherServer checks that servers which are left alone are tried when there are
// no others, and that drained ones are not.
func TestNoOtherServer(t *testing.T) {
	t.Parallel()
	r, clock := newRouter(RoundRobin)
	for _, b := range r.backends {
		b.failed(clock.Now(), "connection refused")
	}
	wantOrders(t, r, "abc")
	r.backends[1].draining.Store(true)
	wantOrders(t, r, "ca")
	for _, b := range r.backends {
		b.draining.Store(true)
	}
	wantOrders(t, r, "")
}

// TestServerStates checks that it is recorded when a server is down, and when it is
// back, and nothing in between.
func TestServerStates(t *testing.T) {
	t.Parallel()
	server := newStubServer(t, echo)
	address := server.address()
	r := newHarness(t, TCP, nil, deadAddress(t), address)
	use := func(n int) {
		for range n {
			client := r.dial()
			client.send([]byte("hello"))
			client.want("hello")
			client.Close()
		}
	}
	use(4)
	r.await(t, "both states are known", func() bool { return len(r.recorder.states()) == 2 })
	use(4)
	for _, e := range r.recorder.states() {
		want := events.ServerChanged{Name: "db2", State: events.ServerRunning, Since: e.Since}
		if e.Name == "db1" {
			want = events.ServerChanged{Name: "db1", State: events.ServerDown, Since: e.Since, Cause: "connection refused"}
		}
		if *e != want || e.Since == 0 {
			t.Errorf("got %+v", e)
		}
	}
	if n := len(r.recorder.states()); n != 2 {
		t.Errorf("told of %d states", n)
	}
}

// TestLeastConnectionsInUse checks that sessions count for their server as long as they
// live, however they end, and that failed attempts do not.
func TestLeastConnectionsInUse(t *testing.T) {
	t.Parallel()
	r := newHarness(t, TCP, func(_ *harness, s *Service) { s.Router = LeastConnections },
		newStubServer(t, echo).address(), newStubServer(t, echo).address(), deadAddress(t))
	var clients []peer
	connect := func() {
		client := r.dial()
		client.send([]byte("hello"))
		client.want("hello")
		clients = append(clients, client)
	}
	inUse := func(want ...int64) {
		t.Helper()
		r.await(t, "the connections are counted", func() bool {
			for i, server := range r.backends.copied() {
				if server.connections.Load() != want[i] {
					return false
				}
			}
			return true
		})
	}
	for range 6 {
		connect()
	}
	inUse(3, 3, 0)
	for id := range uint64(6) {
		opened := find[*events.ConnectionOpened](r.recorder.await(t, id+1, events.KindSessionReady))
		if opened[0].Server == "db1" {
			clients[id].Close()
		}
	}
	inUse(0, 3, 0)
	for range 3 {
		connect()
	}
	inUse(3, 3, 0)
	r.close()
	inUse(0, 0, 0)
}

// TestServerComesBack checks that a server's return is recorded when a session has
// reached it, which one tries after each pause.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	address := deadAddress(t)
	r := newHarness(t, TCP, func(_ *harness, s *Service) {
		s.Router, s.ConnectTimeout = Priority, time.Hour // no pause is to be mistaken for it
	}, address, newStubServer(t, echo).address())
	use := func() {
		client := r.dial()
		client.send([]byte("hello"))
		client.want("hello")
		client.Close()
	}
	use()
	r.await(t, "the server has refused a second time", func() bool {
		use()
		b := r.backends.find("db1")
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.pause == 2*firstPause
	})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			echo(peer{conn.(*net.TCPConn), t, true})
			conn.Close()
		}
	})
	t.Cleanup(func() {
		r.close()
		listener.Close()
		serving.Wait()
	})
	r.await(t, "the server is running again", func() bool {
		use()
		return slices.Equal(r.recorder.statesOf("db1"), []events.ServerState{events.ServerDown, events.ServerRunning})
	})
}

// statesOf returns the recorded states of one server.
func (b *recorderStub) statesOf(server string) []events.ServerState {
	var list []events.ServerState
	for _, e := range b.states() {
		if e.Name == server {
			list = append(list, e.State)
		}
	}
	return list
}

// states returns the states of servers that were recorded.
func (b *recorderStub) states() []*events.ServerChanged {
	b.mu.Lock()
	defer b.mu.Unlock()
	return find[*events.ServerChanged](b.declared)
}
