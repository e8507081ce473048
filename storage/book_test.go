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
	bookLog    = [16]byte{1, 2, 3}
	bookTables = []string{"a", "b"}
)

// newBook makes and opens an empty book.
func newBook(t fatal, path string) *storage.Book {
	t.Helper()
	if err := storage.CreateBook(path, bookLog, bookTables); err != nil {
		t.Fatalf("create: %v", err)
	}
	return openBook(t, path)
}

func openBook(t fatal, path string) *storage.Book {
	t.Helper()
	book, err := storage.OpenBook(path, bookLog, bookTables)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return book
}

// rows returns what a table holds, as Scan shows it from a key on.
func rows(snapshot *storage.Snapshot, table, from string) (keys []string, values map[string]string, err error) {
	values = make(map[string]string)
	err = snapshot.Scan(table, []byte(from), func(key, value []byte) (bool, error) {
		keys = append(keys, string(key))
		values[string(key)] = string(value)
		return true, nil
	})
	return keys, values, err
}

// wantRows fails unless the book is at a position and table a has so many rows.
func wantRows(t *testing.T, book *storage.Book, position uint64, n int) {
	t.Helper()
	snapshot, err := book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	keys, _, err := rows(snapshot, "a", "")
	if err != nil || len(keys) != n || snapshot.Position() != position {
		t.Errorf("%d rows at position %d and error %v, want %d at %d", len(keys), snapshot.Position(), err, n, position)
	}
}

// TestBook does anything with a book, reopening included, beside maps of what
// should be in it.
func TestBook(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run))
		m := &shelf{path: path, book: newBook(r, path), want: map[string]map[string]string{"a": {}, "b": {}}}
		defer func() {
			if err := m.book.Close(); err != nil {
				r.Error(err)
			}
		}()
		r.Repeat(rapid.StateMachineActions(m))
	})
}

type shelf struct {
	path     string
	book     *storage.Book
	want     map[string]map[string]string
	position uint64
}

// keys are few, so that rows meet, and come in no order.
func keys() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching("[a-c]{1,2}"), rapid.SampledFrom([]string{"\x00", "\xff\xff", strings.Repeat("k", 300)}))
}

// Check compares every table, row by row and as a scan.
func (m *shelf) Check(t *rapid.T) {
	snapshot, err := m.book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if got := snapshot.Position(); got != m.position {
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
		table, key := rapid.SampledFrom(bookTables).Draw(t, "table"), keys().Draw(t, "key")
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
	if err := m.book.Commit(m.position, changes, index.Update{}); err != nil {
		t.Fatal(err)
	}
}

// CommitThatFails leaves everything as it was.
func (m *shelf) CommitThatFails(t *rapid.T) {
	bad := rapid.SampledFrom([]storage.Change{{Table: "none", Key: []byte("k"), Value: []byte("v")}, {Table: "a", Value: []byte("v")}}).Draw(t, "bad")
	err := m.book.Commit(m.position+1, []storage.Change{{Table: "a", Key: []byte("a"), Value: []byte("lost")}, bad}, index.Update{})
	if err == nil || !strings.Contains(err.Error(), m.path) {
		t.Fatalf("got %v, want an error that names %s", err, m.path)
	}
}

// Look reads a row, and scans from a key on until some row.
func (m *shelf) Look(t *rapid.T) {
	snapshot, err := m.book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	table, key := rapid.SampledFrom(bookTables).Draw(t, "table"), keys().Draw(t, "key")
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

// Reopen closes and opens the book.
func (m *shelf) Reopen(t *rapid.T) {
	if err := m.book.Close(); err != nil {
		t.Fatal(err)
	}
	m.book = openBook(t, m.path)
}

// TestSnapshotIsOneMoment: what is committed meanwhile is not in it.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	book := newBook(t, filepath.Join(t.TempDir(), "book.db"))
	if err := book.Commit(1, []storage.Change{{Table: "a", Key: []byte("k"), Value: []byte("old")}}, index.Update{}); err != nil {
		t.Fatal(err)
	}
	snapshot, err := book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Commit(2, []storage.Change{{Table: "a", Key: []byte("k"), Value: []byte("new")}}, index.Update{}); err != nil {
		t.Fatal(err)
	}
	if value, err := snapshot.Get("a", []byte("k")); err != nil || string(value) != "old" || snapshot.Position() != 1 {
		t.Errorf("got %q at position %d and error %v, want what was there at 1", value, snapshot.Position(), err)
	}
	if err := errors.Join(snapshot.Close(), book.Close()); err != nil {
		t.Error(err)
	}
}

// TestScanStops: the caller's error ends a scan and comes back as it is.
// TestManyRowsOfATable reads rows of one table. The table is looked up for the first,
// not for each.
func TestManyRowsOfATable(t *testing.T) {
	book := newBook(t, filepath.Join(t.TempDir(), "book.db"))
	defer book.Close()
	var changes []storage.Change
	for i := range 1000 {
		changes = append(changes, storage.Change{Table: "a", Key: fmt.Appendf(nil, "%04d", i), Value: []byte("value")})
	}
	if err := book.Commit(1, changes, index.Update{}); err != nil {
		t.Fatal(err)
	}
	get := func(snapshot *storage.Snapshot, table, want string) {
		if value, err := snapshot.Get(table, []byte("0500")); err != nil || string(value) != want {
			t.Errorf("table %s: got %q and error %v, want %q", table, value, err, want)
		}
	}
	snapshot, err := book.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	same := testing.AllocsPerRun(100, func() { get(snapshot, "a", "value"); get(snapshot, "a", "value") })
	turns := testing.AllocsPerRun(100, func() { get(snapshot, "b", ""); get(snapshot, "a", "value") })
	if turns <= same {
		t.Errorf("rows of one table take %v allocations, of two tables in turn %v", same, turns)
	}
}

func TestScanStops(t *testing.T) {
	t.Parallel()
	book := newBook(t, filepath.Join(t.TempDir(), "book.db"))
	changes := []storage.Change{{Table: "a", Key: []byte("1"), Value: []byte{}}, {Table: "a", Key: []byte("2"), Value: []byte{}}}
	if err := book.Commit(1, changes, index.Update{}); err != nil {
		t.Fatal(err)
	}
	snapshot, err := book.Snapshot()
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
	if err := errors.Join(snapshot.Close(), book.Close()); err != nil {
		t.Error(err)
	}
}

// TestBookOfAnother: a book that does not belong here is refused, and stays as it
// is.
func TestBookOfAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		log    [16]byte
		tables []string
		change func(tx *bolt.Tx) error
		why    string
	}{
		{"another log's", [16]byte{9}, bookTables, nil, "another log"},
		{"a table too few", bookLog, []string{"a", "c"}, nil, `"c"`},
		{"no book", bookLog, bookTables, func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("meta")) }, "no book"},
		{"newer format", bookLog, bookTables, func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{0, 0, 0, migrations.BookFormat + 1})
		}, "format"},
		{"no format", bookLog, bookTables, func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("format")) }, "format"},
		{"no position", bookLog, bookTables, func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("position")) }, "position"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "book.db")
			if err := newBook(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				withBolt(t, path, c.change)
			}
			before := look(t, path)
			book, err := storage.OpenBook(path, c.log, c.tables)
			if err == nil {
				t.Fatal(book.Close())
			}
			if !corrupt(err) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want a CorruptError about %s and %q", err, path, c.why)
			}
			if !maps.Equal(before, look(t, path)) {
				t.Error("the book was changed")
			}
		})
	}
}

// TestDamagedRow flips every bit of a stored row, and moves it.
func TestDamagedRow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	book := newBook(t, path)
	err := book.Commit(1, []storage.Change{
		{Table: "a", Key: []byte("key"), Value: []byte("value of the row")},
		{Table: "a", Key: []byte("other"), Value: []byte("another value")},
	}, index.Update{})
	if err := errors.Join(err, book.Close()); err != nil {
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
		book := openBook(t, path)
		snapshot, err := book.Snapshot()
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
		if other, err := snapshot.Get("a", []byte("other")); err != nil || string(other) != "another value" {
			t.Errorf("%s: the other row became %q, with error %v", how, other, err)
		}
		if err := errors.Join(snapshot.Close(), book.Close()); err != nil {
			t.Error(err)
		}
		damaged++
	}
	for i := 0; i < 8*(len("value of the row")+4); i += 3 {
		b := bytes.Clone(whole)
		b[at+i/8] ^= 1 << (i % 8)
		wantDamage(fmt.Sprintf("bit %d", i), b)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	withBolt(t, path, func(tx *bolt.Tx) error {
		table := tx.Bucket([]byte("t/a"))
		return table.Put([]byte("key"), bytes.Clone(table.Get([]byte("other"))))
	})
	moved, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantDamage("a value moved", moved)
	withBolt(t, path, func(tx *bolt.Tx) error { return tx.Bucket([]byte("t/a")).Put([]byte("key"), []byte("abc")) })
	short, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantDamage("a value shorter than its checksum", short)
	if damaged < 50 {
		t.Errorf("only %d damages were tried", damaged)
	}
}

// TestDamagedBook: damage that bbolt notices by a panic or a fault is an error,
// also where it is met in a commit, and the book can be closed.
func TestDamagedBook(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	book := newBook(t, path)
	var changes []storage.Change
	for i := range uint64(1000) {
		changes = append(changes, storage.Change{Table: "a", Key: recordKey(i), Value: []byte("value")})
	}
	if err := errors.Join(book.Commit(1, changes, index.Update{}), book.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := uint64(bytes.Index(b, binary.BigEndian.AppendUint64(nil, 700))) / pageSize
	image(b).page(page).put16(8, flagFreelist)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	book = openBook(t, path)
	snapshot, err := book.Snapshot()
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
	err = book.Commit(2, []storage.Change{{Table: "a", Key: recordKey(700), Value: []byte("new")}}, index.Update{})
	if !corrupt(err) || !strings.Contains(err.Error(), path) {
		t.Errorf("commit: got %v, want a CorruptError about %s", err, path)
	}
	if err := book.Close(); err != nil {
		t.Error(err)
	}
}

// TestClosedBook: a closed book says so.
func TestClosedBook(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.db")
	book := newBook(t, path)
	for range 2 {
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		if err := book.Commit(1, nil, index.Update{}); err == nil || corrupt(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("commit: got %v, want an error that names %s and calls nothing damaged", err, path)
		}
		if _, err := book.Snapshot(); err == nil || corrupt(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("snapshot: got %v, want an error that names %s and calls nothing damaged", err, path)
		}
	}
}
