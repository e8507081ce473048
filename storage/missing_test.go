package storage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// TestVerifyFindsMissingSegments removes one segment of a log after the other. Verifying finds
// that, and salvaging copies all that is before it.
func TestVerifyFindsMissingSegments(t *testing.T) {
	t.Parallel()
	_, all, _ := newChain(t, 4)
	for i := range all {
		folder, segments, records := newChain(t, 4)
		if err := os.Remove(segments[i]); err != nil {
			t.Fatal(err)
		}
		v, err := storage.Verify(t.Context(), folder, nil)
		if err != nil || len(v.Faults) == 0 {
			t.Errorf("without segment %d: got %+v with error %v, want a fault", i, v, err)
		}
		if i == 0 {
			continue // nothing is before it
		}
		const each = 10
		end, fault, err := storage.Salvage(t.Context(), folder, filepath.Join(t.TempDir(), "log"), nil)
		if err != nil || fault == nil || end.Sequence != each*uint64(i) || len(records) != each*len(segments) {
			t.Errorf("without segment %d: salvaged up to %d with fault %v, error %v; want %d", i, end.Sequence, fault, err, each*i)
		}
	}
}

// TestSalvagePassesStrayFilesOver salvages a whole log with a file beside the segments that is
// named like one.
func TestSalvagePassesStrayFilesOver(t *testing.T) {
	t.Parallel()
	folder, _, records := newChain(t, 3)
	if err := os.WriteFile(filepath.Join(folder, "00000000000000000002.db"), []byte("stray"), 0o600); err != nil {
		t.Fatal(err)
	}
	end, fault, err := storage.Salvage(t.Context(), folder, filepath.Join(t.TempDir(), "log"), nil)
	if err != nil || fault != nil || end.Sequence != uint64(len(records)) {
		t.Errorf("copied up to %d of %d; %v, %v", end.Sequence, len(records), fault, err)
	}
}

// TestVerifyOfARunningLog takes segments away from a log that is open, or puts an older state of
// the newest in its place. Verifying it finds that, by its files and by its chain alone.
func TestVerifyOfARunningLog(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, segments []string, older []byte){
		"a sealed segment is missing": func(t *testing.T, segments []string, _ []byte) {
			if err := os.Remove(segments[1]); err != nil {
				t.Fatal(err)
			}
		},
		"the newest is missing": func(t *testing.T, segments []string, _ []byte) {
			if err := os.Remove(segments[len(segments)-1]); err != nil {
				t.Fatal(err)
			}
		},
		"the newest was replaced": func(t *testing.T, segments []string, older []byte) {
			newest := segments[len(segments)-1]
			if err := os.WriteFile(newest+".older", older, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(newest+".older", newest); err != nil {
				t.Fatal(err)
			}
		},
		"an older state was copied over the newest": func(t *testing.T, segments []string, older []byte) {
			f, err := os.OpenFile(segments[len(segments)-1], os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(older, 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, _, records := newChain(t, 4)
			log, err := storage.OpenBolt(folder, storage.BoltOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			if err := log.Start(uint64(len(records)), func([]events.Record) error { return nil }); err != nil {
				t.Fatal(err)
			}
			add := func() {
				t.Helper()
				entry := storage.Entry{Record: events.Record{Event: &events.KillRequested{Why: strings.Repeat("x", 100)}}}
				if err := log.Append(t.Context(), []storage.Entry{entry}); err != nil {
					t.Fatal(err)
				}
			}
			add() // to a new segment
			segments := segmentsOf(t, folder)
			older, err := os.ReadFile(segments[len(segments)-1])
			if err != nil {
				t.Fatal(err)
			}
			add()
			if v, err := log.Verify(t.Context(), nil); err != nil || len(v.Faults) > 0 {
				t.Fatalf("before: %+v, %v", v, err)
			}
			harm(t, segments, older)
			if v, err := log.Verify(t.Context(), nil); err != nil || len(v.Faults) == 0 {
				t.Errorf("got %+v with error %v, want a fault", v, err)
			}
			if v, err := log.VerifyChain(t.Context()); err != nil || len(v.Faults) == 0 {
				t.Errorf("its chain: got %+v with error %v, want a fault", v, err)
			}
		})
	}
}
