package gatebook_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook"
)

// TestAnchors has one anchor keep heads, and one that fails at first. What fails is reported once
// and shown, and neither holds up anything.
func TestAnchors(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	reports, kept := make(chan error, 100), make(chan []byte, 100)
	failing := make(chan struct{})
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{
		Report: func(err error) { reports <- err },
		Anchors: []gatebook.Anchor{
			{Name: "good", Keep: func(_ context.Context, signed []byte) error {
				kept <- signed
				return nil
			}},
			{Name: "bad", Keep: func(ctx context.Context, _ []byte) error {
				select {
				case <-failing:
					return nil
				default:
					return errors.New("no room")
				}
			}},
			{Name: "hangs", Keep: func(ctx context.Context, _ []byte) error {
				<-ctx.Done()
				return ctx.Err()
			}},
		},
		AnchorEvery: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, r, "gateway") // no head of an empty log is kept
	openSession(t, s)
	first := <-kept
	if strings.Contains(string(first), "\n0\n") {
		t.Errorf("kept was %q", first)
	}
	openSession(t, s)
	if second := <-kept; string(first) == string(second) {
		t.Error("the same head was kept twice")
	}
	if err := <-reports; !strings.Contains(err.Error(), "no room") && !strings.Contains(err.Error(), "hangs") {
		t.Errorf("reported was %v", err)
	}
	status := func(name string) (found gatebook.AnchorStatus) {
		for _, a := range r.Stats().Anchors {
			if a.Name == name {
				found = a
			}
		}
		return found
	}
	if a := status("bad"); a.Err == nil || a.Size != 0 {
		t.Errorf("the bad anchor is %+v", a)
	}
	close(failing)
	eventually(t, "both keep the newest head", func() bool {
		good, bad := status("good"), status("bad")
		return good.Err == nil && bad.Err == nil && good.Size == 3 && bad.Size == 3
	})
	if err := r.Close(); err != nil { // it waits for no anchor that hangs
		t.Fatal(err)
	}
	var last []byte
	for len(kept) > 0 {
		last = <-kept
	}
	newest, err := os.ReadFile(filepath.Join(folder, "head"))
	if err != nil || !bytes.Equal(last, newest) {
		t.Errorf("the last that was kept is %q, the head is %q; %v", last, newest, err)
	}
	close(reports)
	for err := range reports {
		if !strings.Contains(err.Error(), "hangs") { // on a slow machine its time is over
			t.Errorf("reported more: %v", err)
		}
	}
}
