package gatebook_test

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook"
	"gatebook/migrations"
	"gatebook/projection"
	"gatebook/storage"
)

// olderFolder returns a data folder with the log that a program of an older format left when
// it was killed. jdoe's session had ended, dba had killed ann's, and bob's was live. In format
// 2 others came and went, over six segments of 48 KiB.
func olderFolder(t *testing.T, format uint32) string {
	t.Helper()
	from, folder := filepath.Join("testdata", fmt.Sprint("format", format)), filepath.Join(t.TempDir(), "data")
	log := filepath.Join(folder, "log")
	if err := os.MkdirAll(log, 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(from, "tail"), filepath.Join(log, "tail"))
	packed, err := filepath.Glob(filepath.Join(from, "*.db.gz"))
	if err != nil || len(packed) == 0 {
		t.Fatal("there is no log", err)
	}
	for _, path := range packed {
		unpack(t, path, filepath.Join(log, strings.TrimSuffix(filepath.Base(path), ".gz")))
	}
	return folder
}

func unpack(t *testing.T, path, to string) {
	t.Helper()
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	r, err := gzip.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// formatOf returns the format that the first segment of a log says it has.
func formatOf(t *testing.T, folder string) (format uint32) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(folder, "log", "00000000000000000001.db"), 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bolt.Tx) error {
		format = binary.BigEndian.Uint32(tx.Bucket([]byte("meta")).Get([]byte("format")))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return format
}

// TestUpgrade opens the log of a program of each older format. All of it is read and has proofs,
// and the older files are there until the registry is closed.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for format, segments := range map[uint32]int{1: 1, 2: 6} {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) {
			t.Parallel()
			folder := olderFolder(t, format)
			if got := formatOf(t, folder); got != format {
				t.Fatalf("the log has format %d, want %d: the test proves nothing", got, format)
			}
			before, err := storage.Verify(t.Context(), filepath.Join(folder, "log"), nil, 10)
			if err != nil || len(before.Faults) > 0 {
				t.Fatalf("verify the older log: %+v, %v", before, err)
			}
			for opening, upgraded := range []storage.Upgraded{{Segments: segments, From: format}, {}} {
				var copied, of int64
				r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Upgrading: func(done, all int64) {
					if done < copied || done > all {
						t.Errorf("copied %d of %d bytes after %d", done, all, copied)
					}
					copied, of = done, all
				}})
				if err != nil {
					t.Fatal(err)
				}
				if got := r.OpenInfo().Upgraded; got != upgraded || copied != of || (of > 0) != (opening == 0) {
					t.Errorf("opening %d: upgraded %+v, want %+v; copied %d of %d", opening, got, upgraded, copied, of)
				}
				wantOlderSessions(t, r)
				if kept := replaced(t, folder); len(kept) != upgraded.Segments {
					t.Errorf("opening %d: the files %q are kept, want %d", opening, kept, upgraded.Segments)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if kept := replaced(t, folder); len(kept) > 0 {
					t.Errorf("after a clean stop the files %q are kept", kept)
				}
			}
			if got := formatOf(t, folder); got != migrations.LogFormat {
				t.Errorf("the log has format %d, want %d", got, migrations.LogFormat)
			}
			verified, err := storage.Verify(t.Context(), filepath.Join(folder, "log"), nil, 10)
			if err != nil || len(verified.Faults) > 0 || verified.Roots[10] != before.Roots[10] {
				t.Errorf("verify: %+v, %v; want the root that it had", verified, err)
			}
		})
	}
}

func wantOlderSessions(t *testing.T, r *gatebook.Registry) {
	t.Helper()
	for id, want := range map[uint64]struct {
		user, by, why string
		status        projection.Status
	}{
		1: {"jdoe", "", "", projection.Closed},
		2: {"ann", "dba", "runaway report", projection.Closed},
		3: {"bob", "", "", projection.Lost},
	} {
		v, _, err := r.Session(id)
		if err != nil {
			t.Fatal(err)
		}
		if user, end := v.Login().User, v.Ending(); user != want.user || v.Status != want.status || end.By != want.by || end.Description != want.why {
			t.Errorf("session %d of %s is %s, ended by %q: %q; want %+v", id, user, v.Status, end.By, end.Description, want)
		}
	}
}

// replaced returns the files that an upgrade has kept.
func replaced(t *testing.T, folder string) []string {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(folder, "log", "*.db.format*"))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}
