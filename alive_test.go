package gatebook

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gatebook/events"
	"gatebook/projection"
)

// crashAfter opens a registry with one session, lets it run for a time, and leaves it as the
// death of the process would. It returns when it began.
func crashAfter(t *testing.T, folder string, d time.Duration) time.Time {
	t.Helper()
	r, err := Open(t.Context(), folder, Options{Report: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	time.Sleep(d)
	r.stop()
	r.workers.Wait()
	if err := r.release(); err != nil {
		t.Fatal(err)
	}
	return began
}

// lastSeen opens a registry after a crash and returns when the session was last known to be
// alive, which is that of its source too.
func lastSeen(t *testing.T, folder string) time.Time {
	t.Helper()
	r, err := Open(t.Context(), folder, Options{Report: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := r.Session(1)
	if err != nil || v.Status != projection.Lost {
		t.Fatalf("the session is %s, %v", v.Status, err)
	}
	source, _, err := r.Source("gateway")
	if err != nil || source.LastSeen != v.Ending().LastSeen {
		t.Errorf("the source was last seen at %s, its session at %s; %v", source.LastSeen.Time(), v.Ending().LastSeen.Time(), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return v.Ending().LastSeen.Time()
}

// After a crash it is known to about two seconds when a session was last alive, without a
// record of that.
func TestLastSeenIsExact(t *testing.T) {
	for _, after := range []time.Duration{0, 3 * time.Second, 47 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "data")
			crashed := crashAfter(t, folder, after).Add(after)
			time.Sleep(time.Hour)
			if seen := lastSeen(t, folder); seen.After(crashed) || crashed.Sub(seen) > aliveInterval {
				t.Errorf("crashed at %s after %s, last seen %s before", crashed, after, crashed.Sub(seen))
			}
		})
	}
}

// A file that is damaged, cut, or another log's counts for nothing, and neither does a time
// to come; the records then say when the session was last alive.
func TestAliveFileIsNotBelieved(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for name, damage := range map[string]func([]byte) []byte{
		"another log's": flip(3), "another time": flip(20), "another seal": flip(27),
		"cut": func(b []byte) []byte { return b[:20] }, "empty": func([]byte) []byte { return nil },
		"zeros": func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				folder := filepath.Join(t.TempDir(), "data")
				began := crashAfter(t, folder, 30*time.Second)
				path := filepath.Join(folder, aliveName)
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage(content), 0o600); err != nil {
					t.Fatal(err)
				}
				if seen := lastSeen(t, folder); !seen.Equal(began) {
					t.Errorf("last seen %s after its last record", seen.Sub(began))
				}
			})
		})
	}
	t.Run("to come", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "data")
			crashAfter(t, folder, 30*time.Second)
			r, err := Open(t.Context(), folder, Options{Now: func() time.Time { return time.Now().Add(-time.Minute) }})
			if err != nil {
				t.Fatal(err)
			}
			if v, _, err := r.Session(1); err != nil || v.Ending().LastSeen > v.Modified {
				t.Errorf("last seen at %s, recorded at %s, %v", v.Ending().LastSeen.Time(), v.Modified.Time(), err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}
