package storage_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage"
	"gatebook/storage/index"
)

// indexed returns an update that stores the ids from first to last under a key.
func indexed(key string, first, last uint64, removed bool) index.Update {
	u := index.Update{Keys: []index.KeyUpdate{{Key: []byte(key)}}}
	for id := first; id <= last; id++ {
		u.Keys[0].Entries = append(u.Keys[0].Entries, int32(len(u.Entries)))
		u.Entries = append(u.Entries, index.Entry{ID: id, Interval: index.Interval{From: int64(id), Until: int64(id) + 5, Present: int64(id) + 5, First: id, Last: id + 1}})
	}
	if removed {
		u.Keys[0].Removed = u.Keys[0].Entries
	}
	return u
}

// under returns a search for all entries under a key.
func under(key string) index.Search {
	return index.Search{Groups: []index.Group{{Keys: [][]byte{[]byte(key)}}}, Match: func(*index.Summary) bool { return true }}
}

// searched returns the ids that a search finds under a key, from after on.
func searched(archive *storage.Archive, key string, after uint64) (ids []uint64, err error) {
	snapshot, err := archive.Snapshot()
	if err != nil {
		return nil, err
	}
	q := under(key)
	q.After = &index.Entry{ID: after}
	err = snapshot.Search(q, func(e index.Entry) (bool, error) {
		ids = append(ids, e.ID)
		return len(ids) < 2000, nil
	})
	return ids, errors.Join(err, snapshot.Close())
}

// TestIndexes commits several updates to one index, and reads it again after the archive
// was closed.
func TestIndexes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	archive := newArchive(t, path)
	var want []uint64
	for i, u := range []index.Update{indexed("k", 1, 200, false), indexed("k", 150, 900, false), indexed("k", 300, 599, true), indexed("l", 1, 1, false)} {
		if err := archive.Commit(uint64(i+1), storage.RecordSum{}, nil, u); err != nil {
			t.Fatal(err)
		}
	}
	for id := uint64(1); id <= 900; id++ {
		if id < 300 || id > 599 {
			want = append(want, id)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	archive = openArchive(t, path)
	defer archive.Close()
	if got, err := searched(archive, "k", 0); err != nil || !slices.Equal(got, want) {
		t.Errorf("found %v and error %v, want %v", got, err, want)
	}
	if got, err := searched(archive, "k", 890); err != nil || !slices.Equal(got, want[len(want)-10:]) {
		t.Errorf("after 890 found %v and error %v", got, err)
	}
	snapshot, err := archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if n, err := snapshot.Count(under("k")); err != nil || n != uint64(len(want)) {
		t.Errorf("counted %d with error %v, want %d", n, err, len(want))
	}
	var keys []string
	err = snapshot.Keys([]byte("a"), []byte("z"), func(key []byte) bool { keys = append(keys, string(key)); return true })
	if err != nil || !slices.Equal(keys, []string{"k", "l"}) {
		t.Errorf("the keys are %q, with error %v", keys, err)
	}
}

// TestDamagedIndex damages a row of an index. Each use of it fails with an error that
// names the file.
func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(node []byte) []byte
		why    string
	}{
		{"a flipped bit", func(node []byte) []byte { node[len(node)-1] ^= 1; return node }, "parent"},
		{"a short node", func([]byte) []byte { return []byte("abc") }, "parent"},
		{"an empty node", func([]byte) []byte { return nil }, "parent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "book.db")
			archive := newArchive(t, path)
			if err := errors.Join(archive.Commit(1, storage.RecordSum{}, nil, indexed("k", 1, 10, false)), archive.Close()); err != nil {
				t.Fatal(err)
			}
			withBolt(t, path, func(tx *bolt.Tx) error {
				bucket := tx.Bucket([]byte("nodes"))
				number, node := bucket.Cursor().First()
				return bucket.Put(bytes.Clone(number), c.damage(bytes.Clone(node)))
			})
			archive = openArchive(t, path)
			defer archive.Close()
			snapshot, err := archive.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			_, count := snapshot.Count(under("k"))
			_, search := searched(archive, "k", 0)
			if err := snapshot.Close(); err != nil {
				t.Error(err)
			}
			for call, err := range map[string]error{"count": count, "search": search, "commit": archive.Commit(2, storage.RecordSum{}, nil, indexed("k", 11, 11, false))} {
				if !corrupt(err) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%s: got %v, want a CorruptError about %s and its %s", call, err, path, c.why)
				}
			}
		})
	}
}
