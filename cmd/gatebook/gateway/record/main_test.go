package record

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errFull is why a stub refuses an event.
var errFull = errors.New("the log is full")

// stub is a Recorder of one session, which it gives the id 7, and the session's Owner.
type stub struct {
	t testing.TB
	// refuses returns why an event is not recorded. It is set before the first call.
	refuses func(e events.Event) error

	// mu guards the rest.
	mu       sync.Mutex
	lists    [][]events.Event
	gaps     []events.RecordingGap
	opened   []uint64
	recorded int
	caught   int
}

func (r *stub) take(list ...events.Event) error {
	for _, e := range list {
		if r.refuses != nil {
			if err := r.refuses(e); err != nil {
				return err
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = append(r.lists, list)
	return nil
}

func (r *stub) OpenSince(_ context.Context, _ time.Time, e events.SessionOpened) (uint64, error) {
	if err := r.take(&e); err != nil {
		return 0, err
	}
	return 7, nil
}

func (r *stub) Record(_ context.Context, id uint64, list ...events.Event) error {
	if id != 7 {
		r.t.Errorf("recorded for session %d", id)
	}
	return r.take(list...)
}

func (r *stub) End(ctx context.Context, id uint64, e events.SessionClosed) (bool, error) {
	return false, r.Record(ctx, id, &e)
}

func (r *stub) RecordGap(_ context.Context, e events.RecordingGap) error {
	if err := r.take(&e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, e)
	return nil
}

func (r *stub) Guard(f func() error) (err error) {
	if caught := panics.Catch(func() { err = f() }); caught != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.caught++
		return caught
	}
	return err
}

func (r *stub) ExpectID() {}

func (r *stub) AssignID(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = append(r.opened, id)
}

func (r *stub) Recorded() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recorded++
}

// refuse has the stub refuse events of those kinds.
func (r *stub) refuse(kinds ...events.Kind) {
	r.refuses = func(e events.Event) error {
		if slices.Contains(kinds, e.Kind()) {
			return errFull
		}
		return nil
	}
}

// want compares the kinds of events that were recorded, one list for each append.
func (r *stub) want(want ...[]events.Kind) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got [][]events.Kind
	for _, list := range r.lists {
		var kinds []events.Kind
		for _, e := range list {
			kinds = append(kinds, e.Kind())
		}
		got = append(got, kinds)
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]events.Kind]) {
		r.t.Errorf("recorded %v, want %v", got, want)
	}
}

// modes run a test in both modes.
func modes(t *testing.T, test func(t *testing.T, all *Sessions, r *stub)) {
	t.Helper()
	for name, bestEffort := range map[string]bool{"strict": false, "best effort": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &stub{t: t}
			test(t, NewSessions(r, bestEffort, zerolog.New(zerolog.NewTestWriter(t))), r)
		})
	}
}
