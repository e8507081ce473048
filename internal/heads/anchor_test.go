package heads

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatebook/storage/treehead"
)

// TestAnchorThatHangs has an anchor hang that heeds no context, as a file on a share does. It is
// shown as failing after its time is over, is not called again, and a stop does not wait for it.
func TestAnchorThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reports, hang, calls := make(chan error, 10), make(chan struct{}), make(chan string, 10)
		h := &Heads{o: Options{Report: func(err error) { reports <- err }, Now: time.Now}, anchorEvery: anchorEvery}
		a := Anchor{Name: "share", Keep: func(_ context.Context, signed []byte) error {
			calls <- string(signed)
			<-hang
			return nil
		}}
		h.status = Status{Signed: []byte("three"), Head: treehead.Head{Size: 3}}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.RunAnchor(ctx, a) })
		time.Sleep(anchorTime + time.Millisecond)
		synctest.Wait()
		if s := h.Anchors(); len(s) != 1 || s[0].Err == nil || len(reports) != 1 {
			t.Fatalf("after its time it is %+v, with %d reports", s, len(reports))
		}
		time.Sleep(time.Hour)
		if len(calls) != 1 {
			t.Errorf("it was called %d times", len(calls))
		}
		began := time.Now()
		stop()
		running.Wait()
		h.EndAnchors()
		if took := time.Since(began); took > anchorEndTime {
			t.Errorf("the stop took %s", took)
		}
		if len(calls) != 1 {
			t.Errorf("at the stop it was called %d times", len(calls))
		}
		close(hang) // its goroutine ends
	})
}

// TestAnchorThatHangsWhenRead has an anchor hang while the heads that it keeps are read, and fail. It is reported, and the
// log is opened.
func TestAnchorThatHangsWhenRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reports []error
		o := Options{Report: func(err error) { reports = append(reports, err) }}
		keys := treehead.Keys{Origin: "gatebook/1", All: []treehead.Key{{}}}
		hang := make(chan struct{})
		began := time.Now()
		for _, kept := range []func(func(treehead.Kept) error) error{
			func(f func(treehead.Kept) error) error {
				<-hang
				return f(treehead.Kept{Origin: keys.Origin})
			},
			func(func(treehead.Kept) error) error { return errors.New("it cannot be read") },
		} {
			if err := o.checkAnchor(keys, Anchor{Name: "share", Kept: kept}); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took != anchorReadTime || len(reports) != 2 {
			t.Errorf("after %s the reports are %v", took, reports)
		}
		close(hang) // its goroutine ends
	})
}

// TestAnchorAfterItHung has an anchor hang for an hour. Then it keeps the newest head.
func TestAnchorAfterItHung(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept []string // written by one call at a time, read after the last
		h := &Heads{o: Options{Report: func(error) {}, Now: time.Now}, anchorEvery: anchorEvery}
		a := Anchor{Name: "share", Keep: func(_ context.Context, signed []byte) error {
			if kept = append(kept, string(signed)); len(kept) == 1 {
				time.Sleep(time.Hour)
			}
			return nil
		}}
		h.status = Status{Signed: []byte("three"), Head: treehead.Head{Size: 3}}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.RunAnchor(ctx, a) })
		time.Sleep(time.Minute)
		h.mu.Lock()
		h.status = Status{Signed: []byte("five"), Head: treehead.Head{Size: 5}}
		h.mu.Unlock()
		time.Sleep(2 * time.Hour)
		if s := h.Anchors(); s[0].Err != nil || s[0].Size != 5 {
			t.Errorf("it is %+v", s)
		}
		stop()
		running.Wait()
		h.EndAnchors()
		if len(kept) != 2 || kept[1] != "five" {
			t.Errorf("it was to keep %q", kept)
		}
	})
}

// TestAnchorsAtTheStop has anchors stop: the last head is kept, unless it is already, and one of no
// records never.
func TestAnchorsAtTheStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept []string
		h := &Heads{o: Options{Report: func(err error) { t.Error(err) }, Now: time.Now}, anchorEvery: anchorEvery}
		a := Anchor{Name: "file", Keep: func(_ context.Context, signed []byte) error {
			kept = append(kept, string(signed))
			return nil
		}}
		h.status = Status{Signed: []byte("none")}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.RunAnchor(ctx, a) })
		time.Sleep(time.Hour)
		for _, next := range []Status{{Signed: []byte("one"), Head: treehead.Head{Size: 1}}, {Signed: []byte("two"), Head: treehead.Head{Size: 2}}} {
			h.mu.Lock()
			h.status = next
			h.mu.Unlock()
			time.Sleep(2 * anchorLook)
		}
		stop()
		running.Wait()
		h.EndAnchors()
		h.EndAnchors()
		if len(kept) != 2 || kept[0] != "one" || kept[1] != "two" {
			t.Errorf("kept were %q", kept)
		}
	})
}
