package gateway

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// recorderStub is a Recorder in memory. It keeps what it was given, and refuses on demand.
type recorderStub struct {
	// before is asked before an event is kept, and may refuse it. It is set before
	// the gateway starts, and asked once that has started.
	before  func(id uint64, e events.Event) error
	started chan struct{}
	kills   chan []uint64
	// switches are given to the calls of Switches, one list each.
	switches chan []gatebook.Switch

	mu       sync.Mutex
	changed  *sync.Cond
	sessions [][]events.Event // by id - 1
	lists    []int            // the lengths of the lists given to Record
	declared []events.Event
	observed []gatebook.Sample
	recorded []gatebook.Sample
	stopped  bool
	// since are the times given to OpenSince, by id, but for zero times.
	since map[uint64]time.Time
}

var _ Recorder = (*recorderStub)(nil)

// A source of a registry is one as well.
var _ Recorder = (*gatebook.Source)(nil)

func newRecorderStub() *recorderStub {
	b := &recorderStub{
		kills: make(chan []uint64, 1), switches: make(chan []gatebook.Switch, 1),
		started: make(chan struct{}), since: make(map[uint64]time.Time),
	}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// opened returns how many sessions were opened.
func (b *recorderStub) opened() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.sessions)
}

func (b *recorderStub) DeclareService(_ context.Context, e events.ServiceDeclared) error {
	return b.declare(&e)
}

func (b *recorderStub) DeclareServer(_ context.Context, e events.ServerDeclared) error {
	return b.declare(&e)
}

func (b *recorderStub) declare(e events.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.declared = append(b.declared, e)
	return nil
}

func (b *recorderStub) OpenSince(_ context.Context, connected time.Time, e events.SessionOpened) (uint64, error) {
	b.mu.Lock()
	b.sessions = append(b.sessions, nil)
	id := uint64(len(b.sessions))
	if !connected.IsZero() {
		b.since[id] = connected
	}
	b.mu.Unlock()
	if err := b.Record(context.Background(), id, &e); err != nil {
		return 0, err
	}
	return id, nil
}

func (b *recorderStub) Record(_ context.Context, id uint64, list ...events.Event) error {
	if b.before != nil {
		<-b.started
		for _, e := range list {
			if err := b.before(id, e); err != nil {
				return err
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions[id-1] = append(b.sessions[id-1], list...)
	b.lists = append(b.lists, len(list))
	b.changed.Broadcast()
	return nil
}

func (b *recorderStub) End(ctx context.Context, id uint64, e events.SessionClosed) (bool, error) {
	return false, b.Record(ctx, id, &e)
}

func (b *recorderStub) ServerChanged(_ context.Context, e events.ServerChanged) error {
	return b.declare(&e)
}

func (b *recorderStub) RecordGap(_ context.Context, e events.RecordingGap) error {
	return b.declare(&e)
}

func (b *recorderStub) RecordStatistics(_ context.Context, samples []gatebook.Sample) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recorded = append(b.recorded, samples...)
	return nil
}

func (b *recorderStub) Observe(samples []gatebook.Sample) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.observed = append(b.observed, samples...)
}

func (b *recorderStub) Kills(ctx context.Context) ([]uint64, error) {
	select {
	case ids := <-b.kills:
		return ids, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *recorderStub) Switches(ctx context.Context) ([]gatebook.Switch, error) {
	select { // the first call has a context that has ended, and is answered all the same
	case list := <-b.switches:
		return list, nil
	default:
	}
	select {
	case list := <-b.switches:
		return list, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *recorderStub) Stop(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	return nil
}

// await returns the session's events once it has one of that kind.
func (b *recorderStub) await(t testing.TB, id uint64, kind events.Kind) []events.Event {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	stop := context.AfterFunc(t.Context(), b.changed.Broadcast)
	defer stop()
	for {
		if uint64(len(b.sessions)) >= id {
			for _, e := range b.sessions[id-1] {
				if e.Kind() == kind {
					return b.sessions[id-1]
				}
			}
		}
		if t.Context().Err() != nil {
			t.Fatalf("session %d never had %s", id, kind)
		}
		b.changed.Wait()
	}
}

// ended waits for the session's end and returns it.
func (b *recorderStub) ended(t testing.TB, id uint64) *events.SessionClosed {
	t.Helper()
	list := b.await(t, id, events.KindSessionClosed)
	return list[len(list)-1].(*events.SessionClosed)
}

// find returns the session's events of one type.
func find[E events.Event](list []events.Event) []E {
	var found []E
	for _, e := range list {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// kindsOf returns the kinds of events.
func kindsOf(list []events.Event) []events.Kind {
	var kinds []events.Kind
	for _, e := range list {
		kinds = append(kinds, e.Kind())
	}
	return kinds
}

// wantKinds compares the kinds of events.
func wantKinds(t testing.TB, list []events.Event, want ...events.Kind) {
	t.Helper()
	if got := kindsOf(list); !reflect.DeepEqual(got, want) {
		t.Errorf("events are %v, want %v", got, want)
	}
}
