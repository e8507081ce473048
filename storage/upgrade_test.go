package storage_test

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/migrations"
	"gatebook/storage"
)

// olderLog returns the folder of a log of format 2 with several segments.
func olderLog(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(quickDir(t), "log")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	packed, err := filepath.Glob(filepath.Join("..", "testdata", "format2", "*.db.gz"))
	if err != nil || len(packed) < 3 {
		t.Fatalf("the older log has the segments %q; %v", packed, err)
	}
	for _, path := range packed {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, strings.TrimSuffix(filepath.Base(path), ".gz")), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// allOf opens a log and returns its records.
func allOf(t *testing.T, folder string) (all []events.Record) {
	t.Helper()
	log, err := storage.OpenBolt(folder, storage.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	err = log.Start(0, func(batch []events.Record) error {
		all = append(all, batch...)
		return nil
	})
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestUpgradeEndsAnywhere ends the upgrade of a log at each step of each segment, as a kill
// does. The next upgrade goes on, and nothing is lost.
func TestUpgradeEndsAnywhere(t *testing.T) {
	t.Parallel()
	whole := olderLog(t)
	steps := 0
	upgraded, err := storage.UpgradeInSteps(t.Context(), whole, func(string) error {
		steps++
		return nil
	})
	segments := len(segmentsOf(t, whole))
	if err != nil || upgraded != (storage.Upgraded{Segments: segments, From: 2}) || steps != 5*segments {
		t.Fatalf("upgraded %+v in %d steps with error %v", upgraded, steps, err)
	}
	want := allOf(t, whole)
	killed := errors.New("killed")
	for at := range steps {
		folder, left := olderLog(t), at
		var name string
		_, err := storage.UpgradeInSteps(t.Context(), folder, func(step string) error {
			if left--; left < 0 {
				name = step
				return killed
			}
			return nil
		})
		if !errors.Is(err, killed) {
			t.Fatalf("step %d: %v", at, err)
		}
		v, err := storage.Verify(t.Context(), folder, nil)
		if err != nil || len(v.Faults) > 0 || v.Records != uint64(len(want)) {
			t.Errorf("killed when it had %s: verify: %+v, %v", name, v, err)
		}
		if _, err := storage.Upgrade(t.Context(), folder, nil); err != nil {
			t.Fatalf("killed when it had %s: the next upgrade: %v", name, err)
		}
		if got := allOf(t, folder); !reflect.DeepEqual(got, want) {
			t.Errorf("killed when it had %s: %d records, want %d", name, len(got), len(want))
		}
		if v, err = storage.Verify(t.Context(), folder, nil); err != nil || len(v.Faults) > 0 {
			t.Errorf("killed when it had %s, and upgraded: verify: %+v, %v", name, v, err)
		}
		if err := storage.RemoveReplaced(folder); err != nil {
			t.Fatal(err)
		}
		left2, err := filepath.Glob(filepath.Join(folder, "*.*.*"))
		if err != nil || len(left2) > 0 {
			t.Errorf("killed when it had %s: the files %q are left", name, left2)
		}
	}
}

// TestUpgradeBack puts the older files in the place of those that were made of them: the older
// program would go on from there.
func TestUpgradeBack(t *testing.T) {
	t.Parallel()
	folder := olderLog(t)
	before := make(map[string][]byte)
	for _, path := range segmentsOf(t, folder) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before[path] = content
	}
	if _, err := storage.Upgrade(t.Context(), folder, nil); err != nil {
		t.Fatal(err)
	}
	for path, content := range before {
		kept, err := os.ReadFile(path + ".format2")
		if err != nil || !reflect.DeepEqual(kept, content) {
			t.Errorf("%s is not kept as it was: %v", path, err)
		}
	}
}

// TestUpgradeOfDamagedLog upgrades a log with a damaged record. It is refused by the record's
// number, and the segment is as it was.
func TestUpgradeOfDamagedLog(t *testing.T) {
	t.Parallel()
	folder := olderLog(t)
	path := segmentsOf(t, folder)[1]
	var last uint64 // the record that ends a block
	withBolt(t, path, func(tx *bolt.Tx) error {
		records := tx.Bucket([]byte("records"))
		c := records.Cursor()
		key, block := c.Seek(binary.BigEndian.AppendUint64(nil, 150))
		damaged := append([]byte(nil), block...)
		damaged[len(damaged)-1] ^= 1
		next, _ := c.Next()
		last = binary.BigEndian.Uint64(next) - 1
		return records.Put(key, damaged)
	})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Upgrade(t.Context(), folder, nil); !corruptAt(last)(err) {
		t.Errorf("got %v, want a CorruptError at the record", err)
	}
	if after, err := os.ReadFile(path); err != nil || !reflect.DeepEqual(after, before) {
		t.Errorf("the damaged segment was changed: %v", err)
	}
}

// TestOlderLogIsNotWrittenTo opens a log that was not upgraded, and one that is too new.
func TestOlderLogIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	folder := olderLog(t)
	_, err := storage.OpenBolt(folder, storage.BoltOptions{})
	var older *migrations.OlderError
	if !errors.As(err, &older) || older.Format != 2 || older.Writes != migrations.LogFormat {
		t.Errorf("got %v, want an OlderError", err)
	}
	segments := segmentsOf(t, folder)
	withBolt(t, segments[len(segments)-1], func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), binary.BigEndian.AppendUint32(nil, migrations.LogFormat+1))
	})
	_, err = storage.Upgrade(t.Context(), folder, nil)
	for _, want := range []string{fmt.Sprint("format ", migrations.LogFormat+1), fmt.Sprint("up to ", migrations.LogFormat)} {
		if !newer(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
