package gatebook_test

import (
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook"
	"gatebook/migrations"
	"gatebook/projection"
	"gatebook/storage"
)

// olderFolder returns a data folder with the log that a program of format 1 left when it was
// killed. jdoe's session had ended, dba had killed ann's, and bob's was live.
func olderFolder(t *testing.T) string {
	t.Helper()
	const first = "00000000000000000001.db"
	folder := filepath.Join(t.TempDir(), "data")
	log := filepath.Join(folder, "log")
	if err := os.MkdirAll(log, 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join("testdata", "format1", "tail"), filepath.Join(log, "tail"))
	from, err := os.Open(filepath.Join("testdata", "format1", first+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	content, err := gzip.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	to, err := os.OpenFile(filepath.Join(log, first), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = io.Copy(to, content)
	}
	if err == nil {
		err = to.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
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

// TestUpgradeFromFormat1 opens the log of a program of format 1. All of it is read, and what is
// recorded from then on is of the new format, which the older program refuses by its number.
func TestUpgradeFromFormat1(t *testing.T) {
	t.Parallel()
	folder := olderFolder(t)
	if got := formatOf(t, folder); got != 1 {
		t.Fatalf("the log has format %d, want 1: the test proves nothing", got)
	}
	for _, opening := range []string{"the first time", "again"} {
		r, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
		if err != nil {
			t.Fatal(err)
		}
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
				t.Errorf("%s: session %d of %s is %s, ended by %q: %q; want %+v", opening, id, user, v.Status, end.By, end.Description, want)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := formatOf(t, folder); got != migrations.LogFormat {
		t.Errorf("after records of the new format the log has format %d, want %d", got, migrations.LogFormat)
	}
	verified, err := storage.Verify(t.Context(), filepath.Join(folder, "log"), func(int64, int64) error { return nil })
	if err != nil || len(verified.Faults) > 0 {
		t.Errorf("verify: %+v, %v", verified, err)
	}
}
