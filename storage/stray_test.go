package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// faultsOf opens a log, reads it whole and verifies it, and returns the damage that each meets.
func faultsOf(t *testing.T, folder string) (all []*storage.CorruptError) {
	t.Helper()
	log, err := storage.OpenBolt(folder, storage.BoltOptions{})
	if err == nil {
		for after := uint64(0); err == nil && after < log.Head().Sequence; {
			buffer := make([]events.Record, 7)
			var n int
			n, err = log.Read(after, buffer)
			after += uint64(n)
		}
		check(t, log.Close())
	}
	if fault, ok := errors.AsType[*storage.CorruptError](err); ok {
		all = append(all, fault)
	} else if err != nil {
		t.Errorf("opened and read with error %v", err)
	}
	v, err := storage.Verify(t.Context(), folder, nil)
	check(t, err)
	return append(all, v.Faults...)
}

// TestStraySegments puts a file among the segments of a whole log that has the name of one: the start or a read, and
// verifying, name that file, and no segment that is whole.
func TestStraySegments(t *testing.T) {
	t.Parallel()
	copied := func(from, to string) error {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		return err
	}
	for name, put := range map[string]func(from, to string) error{"a hard link": os.Link, "a copy": copied} {
		for of := range 3 {
			for _, stray := range []string{"00000000000000000002.db", "00000000000000000015.db", "00000000000000000500.db"} {
				folder, segments, _ := newChain(t, 3)
				path := filepath.Join(folder, stray)
				check(t, put(segments[of], path))
				faults := faultsOf(t, folder)
				if len(faults) < 2 {
					t.Errorf("%s of segment %d as %s: found %v, want damage when it is opened or read, and when it is verified", name, of, stray, faults)
				}
				for _, f := range faults {
					if f.File != path {
						t.Errorf("%s of segment %d as %s: %v is named", name, of, stray, f)
					}
				}
			}
		}
	}
}

// TestMissingSegmentIsNamed removes a segment between two others: what is named is the segment that is
// missing, and not its neighbours.
func TestMissingSegmentIsNamed(t *testing.T) {
	t.Parallel()
	folder, segments, _ := newChain(t, 4)
	check(t, os.Remove(segments[1]))
	for _, f := range faultsOf(t, folder) {
		if f.File != segments[1] || f.Sequence != 11 {
			t.Errorf("%v is named, and %s is missing", f, segments[1])
		}
	}
}
