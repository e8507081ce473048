package gateway

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/events"
	"gatebook/storage"
)

// fickleRecorder is a recorderStub whose log can be full: ends are kept then.
type fickleRecorder struct {
	*recorderStub
	mu   sync.Mutex
	full bool
	// wait holds up Open and Record until it is closed; nil does not.
	wait chan struct{}
}

func (b *fickleRecorder) set(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
}

// refuses returns why an event is not kept. The recorderStub calls it first.
func (b *fickleRecorder) refuses(uint64, events.Event) error {
	if b.wait != nil {
		<-b.wait
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return storage.ErrDiskFull
	}
	return nil
}

// RecordGap refuses while the log is full.
func (b *fickleRecorder) RecordGap(ctx context.Context, e events.RecordingGap) error {
	if err := b.refuses(0, nil); err != nil {
		return err
	}
	return b.recorderStub.RecordGap(ctx, e)
}

// newFickleHarness returns a harness whose recorder can refuse what it is given.
func newFickleHarness(t *testing.T, recording Recording, protocol Protocol, server func(peer), wait chan struct{}) (*harness, *fickleRecorder) {
	t.Helper()
	recorder := &fickleRecorder{recorderStub: newRecorderStub(), wait: wait}
	recorder.before = recorder.refuses
	r := &harness{recorder: recorder.recorderStub, t: t}
	g, err := Start(t.Context(), Config{
		Record:  recording,
		Servers: []Server{{Name: "db1", Address: newStubServer(t, server).address()}},
		Services: []Service{{
			Name: "front", Protocol: protocol, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"},
			HighWater: DefaultHighWater, LowWater: DefaultLowWater,
		}},
	}, recorder, zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	close(recorder.started)
	t.Cleanup(r.close)
	return r, recorder
}

// TestBestEffortDoesNotWait checks that a session goes on before anything of it is
// recorded, and that all of it is recorded in the end.
func TestBestEffortDoesNotWait(t *testing.T) {
	t.Parallel()
	for protocol, server := range map[Protocol]func(peer){MySQL: changeServer, Postgres: pgServer, TCP: echo} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			wait := make(chan struct{})
			r, _ := newFickleHarness(t, RecordBestEffort, protocol, server, wait)
			client := r.dial()
			want := []events.Kind{events.KindSessionOpened, events.KindConnectionOpened, events.KindSessionReady}
			switch protocol {
			case MySQL:
				client.logIn()
				client.send(mysqlPacket(0, changeUser("sue", "shop", "till")))
				client.packet()
				client.send(mysqlPacket(2, "answer"))
				client.want(string(mysqlPacket(3, mysqlOK)))
				want = append(want, events.KindSessionReady)
			case Postgres:
				client.send(pgLogin())
				client.want(pgWelcome())
			case TCP:
				client.send([]byte("hello"))
				client.want("hello")
			}
			client.Close()
			close(wait)
			r.recorder.ended(t, 1)
			wantKinds(t, r.recorder.await(t, 1, events.KindSessionClosed), append(want, events.KindSessionClosed)...)
			if sessions, lost := r.sessions.record.Missing(); sessions+lost > 0 {
				t.Errorf("a gap of %d sessions and %d events", sessions, lost)
			}
		})
	}
}

// TestGap checks that sessions which cannot be recorded go on, and that their number is
// recorded as soon as it can be.
func TestGap(t *testing.T) {
	t.Parallel()
	r, recorder := newFickleHarness(t, RecordBestEffort, MySQL, mysqlServer, nil)
	before := r.dial()
	before.logIn()
	r.recorder.await(t, 1, events.KindSessionReady)
	recorder.set(true)
	for range 3 {
		client := r.dial()
		client.logIn()
		client.send([]byte("hello"))
		client.want("hello")
		client.Close()
	}
	r.await(t, "they are over", func() bool { return len(r.sessions.index.all()) == 1 })
	if err := r.sessions.record.RecordGap(t.Context()); err == nil {
		t.Error("the gap was recorded")
	}
	recorder.set(false)
	r.await(t, "the gap is recorded", func() bool { return len(r.recorder.gaps()) > 0 })
	got := r.recorder.gaps()
	if len(got) != 1 || got[0].Sessions != 3 || got[0].Events != 0 || got[0].From == 0 || got[0].Until < got[0].From {
		t.Errorf("gaps %+v", got)
	}
	before.send([]byte("hello"))
	before.want("hello")
	before.Close()
	r.recorder.ended(t, 1)
}

// TestStrictRefuses checks that strict mode refuses such a session, with the reason.
func TestStrictRefuses(t *testing.T) {
	t.Parallel()
	r, recorder := newFickleHarness(t, RecordStrict, MySQL, mysqlServer, nil)
	before := r.dial()
	before.logIn()
	recorder.set(true)
	client := r.dial()
	client.packet()
	client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	if e := mysql.ParseError(client.packet()); e.Code != mysqlUnknown || e.Message != "the session cannot be recorded" {
		t.Errorf("got %v", e)
	}
	client.wantEnd()
	before.send([]byte("hello"))
	before.want("hello")
	recorder.set(false)
	r.dial().logIn()
	if n := len(r.recorder.gaps()); n != 0 {
		t.Errorf("%d gaps", n)
	}
}

// gaps returns the gaps that were recorded.
func (b *recorderStub) gaps() []*events.RecordingGap {
	b.mu.Lock()
	defer b.mu.Unlock()
	return find[*events.RecordingGap](slices.Clone(b.declared))
}
