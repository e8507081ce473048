package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"gatebook/migrations"
	"gatebook/storage"
	"gatebook/storage/index"
)

var (
	archiveLog    = [16]byte{1, 2, 3}
	archiveTables = []string{"a", "b"}
)

// newArchive creates and opens an empty archive.
func newArchive(t fatal, path string) *storage.Archive {
	t.Helper()
	if err := storage.CreateArchive(path, archiveLog, archiveTables); err != nil {
		t.Fatalf("create: %v", err)
	}
	return openArchive(t, path)
}

func openArchive(t fatal, path string) *storage.Archive {
	t.Helper()
	archive, err := storage.OpenArchive(path, archiveLog, archiveTables)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return archive
}

// rows returns the rows of a table, as Scan shows them from a key on.
func rows(snapshot *storage.Snapshot, table, from string) (keys []string, values map[string]string, err error) {
	values = make(map[string]string)
	err = snapshot.Scan(table, []byte(from), func(key, value []byte) (bool, error) {
		keys = append(keys, string(key))
		values[string(key)] = string(value)
		return true, nil
	})
	return keys, values, err
}

// wantRows fails unless the archive is at that position and table a has n rows.
func wantRows(t *testing.T, archive *storage.Archive, position uint64, n int) {
	t.Helper()
	snapshot, err := archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	keys, _, err := rows(snapshot, "a", "")
	if got, _ := snapshot.Position(); err != nil || len(keys) != n || got != position {
		t.Errorf("%d rows at position %d and error %v, want %d at %d", len(keys), got, err, n, position)
	}
}

// TestArchive runs random operations on an archive, reopening included, and compares it
// with maps of what should be in it.
func TestArchive(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run))
		m := &shelf{path: path, archive: newArchive(r, path), want: map[string]map[string]string{"a": {}, "b": {}}}
		defer func() {
			if err := m.archive.Close(); err != nil {
				r.Error(err)
			}
		}()
		r.Repeat(rapid.StateMachineActions(m))
	})
}

type shelf struct {
	path     string
	archive  *storage.Archive
	want     map[string]map[string]string
	position uint64
}

// keys draws from few keys, so that rows are changed again, in no order.
func keys() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching("[a-c]{1,2}"), rapid.SampledFrom([]string{"\x00", "\xff\xff", strings.Repeat("k", 300)}))
}

// Check compares every table, row by row and as a scan.
func (m *shelf) Check(t *rapid.T) {
	snapshot, err := m.archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if got, _ := snapshot.Position(); got != m.position {
		t.Fatalf("the position is %d, want %d", got, m.position)
	}
	for table, want := range m.want {
		keys, values, err := rows(snapshot, table, "")
		if err != nil || !slices.IsSorted(keys) || !maps.Equal(values, want) {
			t.Fatalf("table %s: got %q in the order %q and error %v, want %q", table, values, keys, err, want)
		}
	}
}

// Commit changes rows of both tables.
func (m *shelf) Commit(t *rapid.T) {
	changes := make([]storage.Change, rapid.IntRange(0, 6).Draw(t, "changes"))
	for i := range changes {
		table, key := rapid.SampledFrom(archiveTables).Draw(t, "table"), keys().Draw(t, "key")
		changes[i] = storage.Change{Table: table, Key: []byte(key)}
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			delete(m.want[table], key)
			continue
		}
		value := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.Just(strings.Repeat("long", 1300))).Draw(t, "value")
		changes[i].Value = []byte(value)
		m.want[table][key] = value
	}
	m.position += rapid.Uint64Range(0, 3).Draw(t, "position")
	if err := m.archive.Commit(m.position, storage.RecordSum{}, changes, index.Update{}); err != nil {
		t.Fatal(err)
	}
}

// CommitThatFails commits a change that is refused, and expects that nothing changes.
func (m *shelf) CommitThatFails(t *rapid.T) {
	bad := rapid.SampledFrom([]storage.Change{{Table: "none", Key: []byte("k"), Value: []byte("v")}, {Table: "a", Value: []byte("v")}}).Draw(t, "bad")
	err := m.archive.Commit(m.position+1, storage.RecordSum{}, []storage.Change{{Table: "a", Key: []byte("a"), Value: []byte("lost")}, bad}, index.Update{})
	if err == nil || !strings.Contains(err.Error(), m.path) {
		t.Fatalf("got %v, want an error that names %s", err, m.path)
	}
}

// Look reads a row, and scans from a key to some row.
func (m *shelf) Look(t *rapid.T) {
	snapshot, err := m.archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	table, key := rapid.SampledFrom(archiveTables).Draw(t, "table"), keys().Draw(t, "key")
	value, err := snapshot.Get(table, []byte(key))
	want, there := m.want[table][key]
	if err != nil || string(value) != want || (value != nil) != there {
		t.Fatalf("row %q of %s: got %q and error %v, want %q, there: %v", key, table, value, err, want, there)
	}
	limit := rapid.IntRange(1, 4).Draw(t, "limit")
	var got []string
	err = snapshot.Scan(table, []byte(key), func(k, _ []byte) (bool, error) {
		got = append(got, string(k))
		return len(got) < limit, nil
	})
	wanted := slices.Sorted(maps.Keys(m.want[table]))
	wanted = wanted[slices.IndexFunc(append(wanted, "\xff\xff\xff"), func(k string) bool { return k >= key }):]
	wanted = wanted[:min(limit, len(wanted))]
	if err != nil || !slices.Equal(got, wanted) {
		t.Fatalf("scan of %s from %q: got %q and error %v, want %q", table, key, got, err, wanted)
	}
}

// Reopen closes and opens the archive.
func (m *shelf) Reopen(t *rapid.T) {
	if err := m.archive.Close(); err != nil {
		t.Fatal(err)
	}
	m.archive = openArchive(t, m.path)
}

// TestSnapshotIsOneMoment commits while a snapshot is open, which must not see it.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	archive := newArchive(t, filepath.Join(t.TempDir(), "book.db"))
	if err := archive.Commit(1, storage.RecordSum{}, []storage.Change{{Table: "a", Key: []byte("k"), Value: []byte("old")}}, index.Update{}); err != nil {
		t.Fatal(err)
	}
	snapshot, err := archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Commit(2, storage.RecordSum{}, []storage.Change{{Table: "a", Key: []byte("k"), Value: []byte("new")}}, index.Update{}); err != nil {
		t.Fatal(err)
	}
	value, err := snapshot.Get("a", []byte("k"))
	if position, _ := snapshot.Position(); err != nil || string(value) != "old" || position != 1 {
		t.Errorf("got %q at position %d and error %v, want the old value at 1", value, position, err)
	}
	if err := errors.Join(snapshot.Close(), archive.Close()); err != nil {
		t.Error(err)
	}
}

// TestRowsStayAsTheyWereChecked writes into an archive's file between the look at a row's checksum
// and the use of the row.
func TestRowsStayAsTheyWereChecked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(quickDir(t), "book.db")
	archive := newArchive(t, path)
	defer archive.Close()
	if err := archive.Commit(1, storage.RecordSum{}, []storage.Change{{Table: "a", Key: []byte("k"), Value: bytes.Repeat([]byte("checked "), 400)}}, index.Update{}); err != nil {
		t.Fatal(err)
	}
	snapshot, err := archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	value, err := snapshot.Get("a", []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(bytes.ReplaceAll(content, []byte("checked"), []byte("changed")), 0)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(value, []byte("changed")) {
		t.Error("a row changed after it was checked")
	}
}

func TestScanStops(t *testing.T) {
	t.Parallel()
	archive := newArchive(t, filepath.Join(t.TempDir(), "book.db"))
	changes := []storage.Change{{Table: "a", Key: []byte("1"), Value: []byte{}}, {Table: "a", Key: []byte("2"), Value: []byte{}}}
	if err := archive.Commit(1, storage.RecordSum{}, changes, index.Update{}); err != nil {
		t.Fatal(err)
	}
	snapshot, err := archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	errOwn := errors.New("the caller's own")
	seen := 0
	err = snapshot.Scan("a", nil, func([]byte, []byte) (bool, error) {
		seen++
		return true, errOwn
	})
	if !errors.Is(err, errOwn) || seen != 1 {
		t.Errorf("got %v after %d rows, want the caller's error after 1", err, seen)
	}
	if err := errors.Join(snapshot.Close(), archive.Close()); err != nil {
		t.Error(err)
	}
}

// TestArchiveOfAnother opens archives that do not fit the log or the program. They are
// refused and left unchanged.
func TestArchiveOfAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		log    [16]byte
		tables []string
		change func(tx *bolt.Tx) error
		why    string
	}{
		{"another log's", [16]byte{9}, archiveTables, nil, "another log"},
		{"another table", archiveLog, []string{"a", "c"}, nil, "root"},
		{"no archive", archiveLog, archiveTables, func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("meta")) }, "not an archive"},
		{"newer format", archiveLog, archiveTables, func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{0, 0, 0, migrations.ArchiveFormat + 1})
		}, fmt.Sprintf("which is newer than the format %d of this gatebook", migrations.ArchiveFormat)},
		{"older format", archiveLog, archiveTables, func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{0, 0, 0, migrations.ArchiveFormat - 1})
		}, fmt.Sprintf("which is older than the format %d of this gatebook", migrations.ArchiveFormat)},
		{"no format", archiveLog, archiveTables, func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("format")) }, "format"},
		{"no root", archiveLog, archiveTables, func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("root")) }, "root"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "book.db")
			if err := newArchive(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				withBolt(t, path, c.change)
			}
			before := look(t, path)
			archive, err := storage.OpenArchive(path, c.log, c.tables)
			if err == nil {
				t.Fatal(archive.Close())
			}
			format, other := errors.AsType[*migrations.OtherFormatError](err)
			if other == corrupt(err) || other && format.File != path || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want an error about %s and %q", err, path, c.why)
			}
			if !maps.Equal(before, look(t, path)) {
				t.Error("the archive was changed")
			}
		})
	}
}

// TestDamagedRow flips every bit of a stored row, and moves it.
func TestDamagedRow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	archive := newArchive(t, path)
	err := archive.Commit(1, storage.RecordSum{}, []storage.Change{
		{Table: "a", Key: []byte("key"), Value: []byte("value of the row")},
		{Table: "a", Key: []byte("other"), Value: []byte("another value")},
	}, index.Update{})
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(whole, []byte("value of the row"))
	damaged := 0
	wantDamage := func(how string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		archive := openArchive(t, path)
		snapshot, err := archive.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		value, err := snapshot.Get("a", []byte("key"))
		_, _, scanErr := rows(snapshot, "a", "")
		for _, err := range []error{err, scanErr} {
			if !corrupt(err) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: got %q and error %v, want a CorruptError about %s", how, value, err, path)
			}
		}
		if err := errors.Join(snapshot.Close(), archive.Close()); err != nil {
			t.Error(err)
		}
		damaged++
	}
	for i := 0; i < 8*len("value of the row"); i += 2 {
		b := bytes.Clone(whole)
		b[at+i/8] ^= 1 << (i % 8)
		wantDamage(fmt.Sprintf("bit %d", i), b)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	withBolt(t, path, func(tx *bolt.Tx) error {
		nodes := tx.Bucket([]byte("nodes"))
		number, node := nodes.Cursor().First()
		return nodes.Put(bytes.Clone(number), bytes.ReplaceAll(node, []byte("value of the row"), []byte("value of other w")))
	})
	moved, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantDamage("another value", moved)
	withBolt(t, path, func(tx *bolt.Tx) error {
		nodes := tx.Bucket([]byte("nodes"))
		number, _ := nodes.Cursor().First()
		return nodes.Put(bytes.Clone(number), []byte("abc"))
	})
	short, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantDamage("a node that is too short", short)
	if damaged < 50 {
		t.Errorf("only %d damages were tried", damaged)
	}
}

// pagesWith returns the pages of a bbolt file that begin the runs of pages in which some bytes
// are. They can be in more than the one that is looked for: checksums and numbers are bytes too.
func pagesWith(b, what []byte) (pages []uint64) {
	for page := uint64(0); page*pageSize < uint64(len(b)); {
		next := page + 1 + uint64(binary.NativeEndian.Uint32(b[page*pageSize+12:]))
		if bytes.Contains(b[page*pageSize:min(next*pageSize, uint64(len(b)))], what) {
			pages = append(pages, page)
		}
		page = next
	}
	return pages
}

// TestDamagedArchive damages a page so that bbolt panics or faults. Reading and
// committing return an error, and the archive can be closed.
func TestDamagedArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	archive := newArchive(t, path)
	var changes []storage.Change
	for i := range uint64(1000) {
		changes = append(changes, storage.Change{Table: "a", Key: recordKey(i), Value: []byte("value")})
	}
	if err := errors.Join(archive.Commit(1, storage.RecordSum{}, changes, index.Update{}), archive.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// bbolt reads the keys of the page's nodes beyond its map. A look-up need not touch all of them.
	for _, page := range pagesWith(b, binary.BigEndian.AppendUint64(nil, 700)) {
		elements := b[page*pageSize+16:]
		for i := range binary.NativeEndian.Uint16(b[page*pageSize+10:]) {
			binary.NativeEndian.PutUint32(elements[16*i+4:], 0x7fffff00)
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	archive = openArchive(t, path)
	snapshot, err := archive.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Get("a", recordKey(700)); !corrupt(err) {
		t.Errorf("get: got %v, want a CorruptError", err)
	}
	if _, _, err := rows(snapshot, "a", ""); !corrupt(err) {
		t.Errorf("scan: got %v, want a CorruptError", err)
	}
	if err := snapshot.Close(); err != nil {
		t.Error(err)
	}
	err = archive.Commit(2, storage.RecordSum{}, []storage.Change{{Table: "a", Key: recordKey(700), Value: []byte("new")}}, index.Update{})
	if !corrupt(err) || !strings.Contains(err.Error(), path) {
		t.Errorf("commit: got %v, want a CorruptError about %s", err, path)
	}
	if err := archive.Close(); err != nil {
		t.Error(err)
	}
}

// TestClosedArchive uses a closed archive, which returns an error.
func TestClosedArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	archive := newArchive(t, path)
	for range 2 {
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		if err := archive.Commit(1, storage.RecordSum{}, nil, index.Update{}); err == nil || corrupt(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("commit: got %v, want an error that names %s and calls nothing damaged", err, path)
		}
		if _, err := archive.Snapshot(); err == nil || corrupt(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("snapshot: got %v, want an error that names %s and calls nothing damaged", err, path)
		}
	}
}
