package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// panickyRecorder is a recorderStub that panics once in each method of a list.
type panickyRecorder struct {
	*recorderStub
	mu   sync.Mutex
	trip map[string]bool
}

func newPanickyRecorder(methods ...string) *panickyRecorder {
	b := &panickyRecorder{recorderStub: newRecorderStub(), trip: make(map[string]bool)}
	for _, m := range methods {
		b.trip[m] = true
	}
	return b
}

// panicsIn panics if this is the first call of the method and it is on the list.
func (b *panickyRecorder) panicsIn(method string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trip[method] {
		b.trip[method] = false
		panic("boom in " + method)
	}
}

func (b *panickyRecorder) Kills(ctx context.Context) ([]uint64, error) {
	b.panicsIn("Kills")
	return b.recorderStub.Kills(ctx)
}

func (b *panickyRecorder) Switches(ctx context.Context) ([]gatebook.Switch, error) {
	if ctx.Err() == nil { // the first call is that of starting
		b.panicsIn("Switches")
	}
	return b.recorderStub.Switches(ctx)
}

func (b *panickyRecorder) ServerChanged(ctx context.Context, e events.ServerChanged) error {
	b.panicsIn("ServerChanged")
	return b.recorderStub.ServerChanged(ctx, e)
}

func (b *panickyRecorder) RecordGap(ctx context.Context, e events.RecordingGap) error {
	b.panicsIn("RecordGap")
	return b.recorderStub.RecordGap(ctx, e)
}

func (b *panickyRecorder) Observe(samples []gatebook.Sample) {
	b.panicsIn("Observe")
	b.recorderStub.Observe(samples)
}

func (b *panickyRecorder) Stop(ctx context.Context) error {
	b.panicsIn("Stop")
	return b.recorderStub.Stop(ctx)
}

// startTrip starts a harness over a panickyRecorder.
func startTrip(t *testing.T, recorder *panickyRecorder, log io.Writer) *harness {
	t.Helper()
	r := &harness{recorder: recorder.recorderStub, t: t, entries: &logEntries{}}
	writers := []io.Writer{r.entries, zerolog.NewTestWriter(t)}
	if log != nil {
		writers = append(writers, log)
	}
	g, err := Start(t.Context(), Config{
		Record: RecordBestEffort, StatisticsInterval: 10 * time.Millisecond,
		Servers: []Server{{Name: "db1", Address: newStubServer(t, mysqlServer).address()}},
		Services: []Service{{
			Name: "front", Protocol: MySQL, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"},
			HighWater: DefaultHighWater, LowWater: DefaultLowWater,
		}},
	}, recorder, zerolog.New(io.MultiWriter(writers...)))
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	close(recorder.started)
	t.Cleanup(r.close)
	return r
}

// wantPanics waits for that many panics to be caught, and checks that each is in the log
// once.
func (r *harness) wantPanics(t *testing.T, want uint64) {
	t.Helper()
	r.await(t, "the panics are in the log", func() bool { return uint64(len(r.entries.with("stack"))) >= want })
	if logged := len(r.entries.with("stack")); uint64(logged) != want || r.Panics() != want {
		t.Errorf("%d panics in the log and %d counted, want %d", logged, r.Panics(), want)
	}
}

// TestWorkersGoOn checks that each goroutine which works for all sessions goes on after a
// panic, and has lost nothing.
func TestWorkersGoOn(t *testing.T) {
	t.Parallel()
	recorder := newPanickyRecorder("Kills", "Switches", "ServerChanged", "RecordGap", "Observe")
	r := startTrip(t, recorder, nil)
	r.sessions.record.Missed(7, 3, errors.New("the disk is full"))
	client := r.dial()
	client.logIn()
	ping := mysqlPacket(0, "\x0e")
	client.send(ping)
	client.want(string(ping))
	r.wantPanics(t, 5)
	recorder.switches <- []gatebook.Switch{{Service: "front", Stopped: true}}
	r.await(t, "the switch is obeyed", r.services[0].admission.stopped.Load)
	r.await(t, "the server's state is recorded", func() bool { return len(r.recorder.states()) == 1 })
	r.await(t, "the gap is recorded", func() bool { return len(r.recorder.gaps()) == 1 })
	if e := r.recorder.gaps()[0]; e.Sessions != 7 || e.Events != 3 {
		t.Errorf("gap %+v", e)
	}
	r.await(t, "counters are observed", func() bool {
		client.send(ping)
		client.want(string(ping))
		return len(r.recorder.takeObserved()) > 0
	})
	r.recorder.kills <- []uint64{1}
	wantMySQLError(client, 1, 1927)
	wantReason(t, r, 1, events.ReasonKilled)
}

// TestCloseAfterPanics checks that a recorder which panics when the gateway is closed
// is stopped as far as it can be, and that Close returns the panic.
func TestCloseAfterPanics(t *testing.T) {
	t.Parallel()
	r := startTrip(t, newPanickyRecorder("RecordGap", "Stop"), nil)
	client := r.dial()
	client.logIn()
	r.awaitRelay(t, 1)
	r.sessions.record.Missed(7, 3, errors.New("the disk is full"))
	var caught *panics.Error
	r.once.Do(func() {
		if err := r.Close(t.Context()); !errors.As(err, &caught) || caught.Value != "boom in Stop" {
			t.Errorf("got %v", err)
		}
	})
	wantReason(t, r, 1, events.ReasonShutdown)
	r.wantPanics(t, 2)
}

// tripLog panics at the first entry that has a text.
type tripLog struct {
	mu   sync.Mutex
	text string
}

func (l *tripLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text != "" && bytes.Contains(b, []byte(l.text)) {
		l.text = ""
		panic("boom")
	}
	return len(b), nil
}

// TestAcceptGoesOn checks that a service takes clients again after a panic of the
// goroutine that accepts them.
func TestAcceptGoesOn(t *testing.T) {
	t.Parallel()
	r := startTrip(t, newPanickyRecorder(), &tripLog{text: "cannot accept clients"})
	there := r.dial()
	there.logIn()
	if err := r.services[0].listeners[0].SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	r.await(t, "the panic is caught", func() bool { return r.Panics() == 1 })
	if err := r.services[0].listeners[0].SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	r.dial().logIn()
	there.send([]byte("hello"))
	there.want("hello")
}

// TestPanicBeforeSession checks that a panic before a client has a session closes its
// connection, and that the next client is served.
func TestPanicBeforeSession(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	broken := *r.services[0]
	broken.latest = nil
	r.workers.Go(func() { r.sessions.accept(ctx, ctx, &broken, listener) })
	t.Cleanup(func() {
		cancel()
		listener.Close()
	})
	for want := range uint64(3) {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the client got something")
		}
		conn.Close()
		r.wantPanics(t, want+1)
	}
	r.dial().logIn()
	if n := len(r.sessions.index.all()); n != 1 {
		t.Errorf("%d sessions, want one", n)
	}
}

// TestPanicOfALook checks that a session at which the looks for counters and for idle
// sessions panic is ended alone, and that the others are looked at.
func TestPanicOfALook(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(r *harness) bool{
		"counters": func(r *harness) bool {
			for _, s := range r.sessions.index.all() {
				s.moved()
			}
			r.statistics.observe(time.Now())
			return len(r.recorder.takeObserved()) == 4
		},
		"counters that are due": func(r *harness) bool {
			for id := range uint64(3) {
				r.statistics.schedule.changed(id+1, time.Now())
			}
			r.statistics.record(t.Context(), time.Now().Add(firstInterval))
			return len(r.recorder.takeRecorded()) == 4
		},
		"idle sessions": func(r *harness) bool {
			r.endIdle(time.Now().Add(time.Hour))
			return r.recorder.ended(t, 1).Reason == events.ReasonIdleTimeout && r.recorder.ended(t, 2).Reason == events.ReasonIdleTimeout
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.IdleTimeout = time.Minute }, newStubServer(t, mysqlServer).address())
			for id := range uint64(2) {
				client := r.dial()
				client.logIn()
				client.send([]byte("\x00\x00\x00\x00")) // an empty packet, which comes back
				client.read(4)
				r.awaitRelay(t, id+1)
			}
			// A session that never got its server, and yet is in its relay.
			conn, err := net.Dial("tcp", newStubServer(t, echo).address())
			if err != nil {
				t.Fatal(err)
			}
			client, err := relay.NewConn(conn.(*net.TCPConn))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			broken := &session{sessions: r.sessions, service: r.services[0]}
			broken.client, broken.origin.conn = client, client
			broken.record = r.sessions.record.New("front", broken)
			broken.relaying.Store(true)
			r.sessions.index.add(broken)
			broken.Open(t.Context(), events.TypeClient)
			if err := broken.record.WaitOpened(); err != nil || broken.record.ID() != 3 {
				t.Fatalf("session %d: %v", broken.record.ID(), err)
			}
			if !look(r) {
				t.Error("the others were not looked at")
			}
			if r.Panics() == 0 {
				t.Error("nothing panicked")
			}
			if broken.stopped != events.ReasonError {
				t.Errorf("the session was stopped with %v", broken.stopped)
			}
			broken.record.Abort(t.Context(), &events.SessionClosed{Reason: events.ReasonError})
			r.sessions.index.remove(broken)
		})
	}
}
