package gateway

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gatebook/events"
)

// TestLateRecorder opens more sessions than may wait before there is a recorder. Those that waited
// are recorded with the time at which they came, and the others are refused at once.
func TestLateRecorder(t *testing.T) {
	t.Parallel()
	late, to := newLateRecorder(), newRecorderStub()
	var all sync.WaitGroup
	before := time.Now()
	for range lateSessions {
		all.Go(func() {
			if id, err := late.OpenSince(t.Context(), time.Time{}, events.SessionOpened{}); err != nil || id == 0 {
				t.Errorf("opened as %d, with error %v", id, err)
			}
		})
	}
	for len(late.waiting) < lateSessions {
		time.Sleep(time.Millisecond)
	}
	came := time.Now()
	if _, err := late.OpenSince(t.Context(), time.Time{}, events.SessionOpened{}); !errors.Is(err, errLate) {
		t.Errorf("one more: got error %v, want errLate", err)
	}
	if err := late.DeclareServer(t.Context(), events.ServerDeclared{}); !errors.Is(err, errLate) {
		t.Errorf("declare: got error %v, want errLate", err)
	}
	if err := late.RecordGap(t.Context(), events.RecordingGap{}); !errors.Is(err, errLate) {
		t.Errorf("record a gap: got error %v, want errLate", err)
	}
	late.open(to, func() {
		if err := late.DeclareServer(t.Context(), events.ServerDeclared{}); err != nil || to.opened() != 0 {
			t.Errorf("declare: error %v, after %d sessions", err, to.opened())
		}
	})
	all.Wait()
	if n := to.opened(); n != lateSessions || len(to.since) != n {
		t.Fatalf("%d sessions were opened, %d of them since a time", n, len(to.since))
	}
	for id, since := range to.since {
		if since.Before(before) || since.After(came) {
			t.Errorf("session %d was opened since %s, between %s and %s", id, since, before, came)
		}
	}
	if id, err := late.OpenSince(t.Context(), time.Time{}, events.SessionOpened{}); err != nil || id != lateSessions+1 {
		t.Errorf("a later one is %d, with error %v", id, err)
	}
	late.abandon() // which ends nothing any more
	if err := late.RecordGap(t.Context(), events.RecordingGap{}); err != nil {
		t.Error(err)
	}
}

// TestAbandonedRecorder ends the wait for a recorder that does not come.
func TestAbandonedRecorder(t *testing.T) {
	t.Parallel()
	late := newLateRecorder()
	ended := make(chan error)
	go func() {
		_, err := late.OpenSince(t.Context(), time.Time{}, events.SessionOpened{})
		ended <- err
	}()
	go func() {
		_, err := late.Kills(t.Context())
		ended <- err
	}()
	late.abandon()
	for range 2 {
		if err := <-ended; !errors.Is(err, errLate) {
			t.Errorf("got error %v, want errLate", err)
		}
	}
	if err := late.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
