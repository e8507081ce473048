package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"gatebook/events"
	"gatebook/migrations"
	"gatebook/storage"
)

// damage is a damage to a log file.
type damage struct {
	name string
	// edit changes the bytes of the file, or do changes the file at the path.
	edit func(t *testing.T, b image) []byte
	do   func(t *testing.T, path string)
	// want reports whether the error is right.
	want func(err error) bool
}

// corrupt reports whether an error is a *CorruptError about the file as a whole.
func corrupt(err error) bool { return corruptAt(0)(err) }

// corruptAt returns a check for a *CorruptError about a record.
func corruptAt(sequence uint64) func(error) bool {
	return func(err error) bool {
		var e *storage.CorruptError
		return errors.As(err, &e) && e.Sequence == sequence
	}
}

// corruptAnywhere reports whether an error is a *CorruptError, about a record or not.
func corruptAnywhere(err error) bool {
	var e *storage.CorruptError
	return errors.As(err, &e)
}

func newer(err error) bool {
	var e *migrations.NewerError
	return errors.As(err, &e)
}

func is(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

// inPlace returns an edit that keeps the size of the file.
func inPlace(edit func(b image)) func(*testing.T, image) []byte {
	return func(_ *testing.T, b image) []byte {
		edit(b)
		return b
	}
}

// stored returns an edit of the value of a record.
func stored(sequence uint64, edit func(v []byte)) func(*testing.T, image) []byte {
	return func(t *testing.T, b image) []byte {
		edit(b.valueOf(t, sequence))
		return b
	}
}

func content(b []byte) func(*testing.T, image) []byte {
	return func(*testing.T, image) []byte { return b }
}

// resealed corrects the checksum of a record.
func resealed(sequence uint64, edit func(v []byte)) func(*testing.T, image) []byte {
	return stored(sequence, func(v []byte) {
		edit(v)
		body := v[:len(v)-4]
		recorded := events.Time(binary.BigEndian.Uint64(body[3:]))
		copy(v, events.Seal(bytes.Clone(body), sequence, recorded))
	})
}

func inBolt(change func(*bolt.Tx) error) func(*testing.T, string) {
	return func(t *testing.T, path string) { withBolt(t, path, change) }
}

func inMeta(change func(meta *bolt.Bucket) error) func(*testing.T, string) {
	return inBolt(func(tx *bolt.Tx) error { return change(tx.Bucket([]byte("meta"))) })
}

func inRecords(change func(records *bolt.Bucket) error) func(*testing.T, string) {
	return inBolt(func(tx *bolt.Tx) error { return change(tx.Bucket([]byte("records"))) })
}

// inBlock returns an edit of the block that begins with a record, the first of a
// commit. The edit gets that record, with its length, and the rest of the block.
func inBlock(sequence uint64, edit func(record, rest []byte) []byte) func(*testing.T, string) {
	return inRecords(func(records *bolt.Bucket) error {
		record, rest := cutFirst(bytes.Clone(records.Get(recordKey(sequence))))
		return records.Put(recordKey(sequence), edit(record, rest))
	})
}

// cutFirst cuts a block after its first record.
func cutFirst(block []byte) (record, rest []byte) {
	length, n := binary.Uvarint(block)
	end := n + int(length)
	return block[:end:end], block[end:]
}

// foreign creates the database of another program.
func foreign(options *bolt.Options) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(path, 0o600, options)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error {
			_, err := tx.CreateBucket([]byte("pictures"))
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func replaced(by func(path string) error) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if err := errors.Join(os.Remove(path), by(path)); err != nil {
			t.Fatal(err)
		}
	}
}

func damages() []damage {
	random := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(random) //nolint:errcheck // never fails
	const beyond = 1 << 40
	return []damage{
		{name: "absent", do: replaced(func(string) error { return nil }), want: corruptAt(1)},
		{name: "empty", edit: content(nil), want: corrupt},
		{name: "text", edit: content([]byte(strings.Repeat("a line of text\n", 1000))), want: corrupt},
		{name: "random bytes", edit: content(random), want: corrupt},
		{name: "zeros", edit: inPlace(func(b image) { clear(b) }), want: corrupt},
		{name: "a directory", do: replaced(func(p string) error { return os.Mkdir(p, 0o700) }), want: corrupt},
		{name: "a named pipe", do: replaced(func(p string) error { return unix.Mkfifo(p, 0o600) }), want: corrupt},
		{name: "a symbolic link to a log", do: func(t *testing.T, p string) {
			other := filepath.Join(t.TempDir(), "other.db")
			if err := errors.Join(os.Rename(p, other), os.Symlink(other, p)); err != nil {
				t.Fatal(err)
			}
		}, want: corrupt},
		{name: "a symbolic link to nothing", do: replaced(func(p string) error { return os.Symlink("nothing", p) }), want: corrupt},

		{name: "cut to 100 bytes", edit: func(_ *testing.T, b image) []byte { return b[:100] }, want: corrupt},
		{name: "cut after the first meta page", edit: func(_ *testing.T, b image) []byte { return b[:pageSize] }, want: corrupt},
		{name: "cut in the middle", edit: func(_ *testing.T, b image) []byte { return b[:len(b)/2] }, want: corrupt},
		{name: "cut by a byte", edit: func(_ *testing.T, b image) []byte { return b[:len(b)-1] }, want: corrupt},

		{name: "first meta page zeroed", edit: inPlace(func(b image) { clear(b.page(0)) }), want: corrupt},
		{name: "second meta page zeroed", edit: inPlace(func(b image) { clear(b.page(1)) }), want: corrupt},
		{name: "both meta pages zeroed", edit: inPlace(func(b image) { clear(b[:2*pageSize]) }), want: corrupt},
		{name: "magic of the older meta page", edit: inPlace(func(b image) { b.page(1 - b.meta())[metaMagic] ^= 1 }), want: corrupt},
		{name: "number of a meta page", edit: inPlace(func(b image) { b.page(1).put64(0, 7) }), want: corrupt},
		{name: "checksums of both meta pages", edit: inPlace(func(b image) { b[metaSum]++; b.page(1)[metaSum]++ }), want: corrupt},
		{name: "page size 0", edit: inPlace(func(b image) {
			for n := range uint64(2) {
				b.page(n).put32(metaPageSize, 0)
				b.page(n).sum()
			}
		}), want: corrupt},
		{name: "page size of 3 GiB", edit: inPlace(func(b image) {
			for n := range uint64(2) {
				b.page(n).put32(metaPageSize, 3<<30)
				b.page(n).sum()
			}
		}), want: corrupt},
		{name: "sequence in the head", edit: inPlace(func(b image) { b.setMetas(metaSequence, 1) }), want: corrupt},
		{name: "transactions far apart", edit: inPlace(func(b image) {
			newer := b.page(b.meta())
			newer.put64(metaTx, newer.u64(metaTx)+2)
			newer.sum()
		}), want: corrupt},
		{name: "torn head that names no transaction", edit: inPlace(func(b image) { b.page(b.meta()).put64(metaTx, 1<<40+b.meta()) }), want: corrupt},
		{name: "torn head that ends beyond the file", edit: inPlace(func(b image) { b.page(b.meta()).put64(metaHighest, 1<<20) }), want: corrupt},
		{name: "flags in the head", edit: inPlace(func(b image) {
			for n := range uint64(2) {
				b.page(n).put32(metaFlags, 1)
				b.page(n).sum()
			}
		}), want: corrupt},
		{name: "high-water mark that overflows", edit: inPlace(func(b image) { b.setMetas(metaHighest, 1<<52) }), want: corrupt},
		{name: "high-water mark of 0", edit: inPlace(func(b image) { b.setMetas(metaHighest, 0) }), want: corrupt},
		{name: "root beyond the file", edit: inPlace(func(b image) { b.setMetas(metaRoot, beyond) }), want: corrupt},
		{name: "root is a meta page", edit: inPlace(func(b image) { b.setMetas(metaRoot, 0) }), want: corrupt},
		{name: "free list beyond the file", edit: inPlace(func(b image) { b.setMetas(metaFreelist, beyond) }), want: corrupt},
		{name: "free list is another page", edit: inPlace(func(b image) { b.setMetas(metaFreelist, b.records()) }), want: corrupt},
		{name: "bucket page beyond the file", edit: inPlace(func(b image) {
			root := b.page(b.page(b.meta()).u64(metaRoot))
			at := bytes.Index(root, []byte("records"))
			root.put64(at+len("records"), beyond)
		}), want: corrupt},
		{name: "last child beyond the file", edit: inPlace(func(b image) {
			p := b.page(b.records())
			p.put64(16+16*(p.count()-1)+8, beyond)
		}), want: corrupt},
		{name: "first child beyond the file", edit: inPlace(func(b image) { b.page(b.records()).put64(16+8, beyond) }), want: corrupt},
		{name: "circle at the first record", edit: inPlace(func(b image) { b.page(b.records()).put64(16+8, b.records()) }), want: corrupt},
		{name: "circle at the last record", edit: inPlace(func(b image) {
			p := b.page(b.records())
			p.put64(16+16*(p.count()-1)+8, b.records())
		}), want: corrupt},
		{name: "circle through the root", edit: inPlace(func(b image) {
			p := b.page(b.records())
			p.put64(16+16*7+8, b.page(b.meta()).u64(metaRoot))
		}), want: corrupt},
		{name: "a leaf in two places", edit: inPlace(func(b image) { b.page(b.records()).put64(16+8, b.leaf(-1)) }), want: corrupt},
		{name: "bucket in itself", edit: inPlace(func(b image) {
			root := b.page(b.page(b.meta()).u64(metaRoot))
			at := bytes.Index(root, []byte("records"))
			root.put64(at+len("records"), b.page(b.meta()).u64(metaRoot))
		}), want: corrupt},
		{name: "branch has lost its count", edit: inPlace(func(b image) { b.page(b.records()).put16(10, 0) }), want: corrupt},
		{name: "branch has a huge count", edit: inPlace(func(b image) { b.page(b.records()).put16(10, 0xffff) }), want: corrupt},
		{name: "last leaf claims all memory", edit: inPlace(func(b image) { b.page(b.leaf(-1)).put32(12, 1<<30) }), want: corrupt},
		{name: "free list claims all memory", edit: inPlace(func(b image) {
			b.page(b.page(b.meta()).u64(metaFreelist)).put32(12, 1<<30)
		}), want: corrupt},
		{name: "first leaf has lost its count", edit: inPlace(func(b image) { b.page(b.leaf(0)).put16(10, 0) }), want: corruptAt(1)},
		{name: "first leaf has a huge count", edit: inPlace(func(b image) { b.page(b.leaf(0)).put16(10, 0xffff) }), want: corruptAnywhere},
		{name: "first leaf has other flags", edit: inPlace(func(b image) { b.page(b.leaf(0)).put16(8, flagFreelist) }), want: corruptAnywhere},
		{name: "first leaf is a branch", edit: inPlace(func(b image) { b.page(b.leaf(0)).put16(8, flagBranch) }), want: corruptAnywhere},
		{name: "first leaf has another number", edit: inPlace(func(b image) { b.page(b.leaf(0)).put64(0, 9) }), want: corruptAnywhere},
		{name: "first leaf has a wild offset", edit: inPlace(func(b image) { b.page(b.leaf(0)).put32(16+4, 0x7fff_ffff) }), want: corruptAnywhere},
		{name: "last leaf zeroed", edit: inPlace(func(b image) { clear(b.page(b.leaf(-1))) }), want: corrupt},
		{name: "two leaves swapped", edit: inPlace(func(b image) {
			p := b.page(b.records())
			first, second := p.element(0), p.element(1)
			p.put64(16+8, second)
			p.put64(32+8, first)
		}), want: corruptAnywhere},

		{name: "a bit of a value", edit: stored(1234, func(v []byte) { v[20] ^= 4 }), want: corruptAt(1234)},
		{name: "a bit of the last value", edit: stored(baseRecords, func(v []byte) { v[20] ^= 4 }), want: corruptAt(baseRecords)},
		{name: "a value of zeros", edit: stored(1, func(v []byte) { clear(v) }), want: corruptAt(1)},
		{name: "a length too large by one", do: inBlock(301, func(record, rest []byte) []byte {
			record[0]++
			return append(record, rest...)
		}), want: corruptAt(301)},
		{name: "a length beyond the block", do: inBlock(301, func(record, _ []byte) []byte { return record[:len(record)-1] }), want: corruptAt(301)},
		{name: "a length without an end", do: inBlock(301, func(_, _ []byte) []byte { return bytes.Repeat([]byte{0x80}, 20) }), want: corruptAt(301)},
		{name: "a block moved", do: inRecords(func(b *bolt.Bucket) error {
			return b.Put(recordKey(101), bytes.Clone(b.Get(recordKey(201))))
		}), want: corruptAt(101)},
		{name: "a block that holds nothing", do: inBlock(301, func(_, _ []byte) []byte { return nil }), want: corruptAt(301)},
		{name: "a block without its first record", do: inBlock(301, func(_, rest []byte) []byte { return rest }), want: corruptAt(301)},
		{name: "a block of its first record alone", do: inBlock(301, func(record, _ []byte) []byte { return record }), want: corruptAt(302)},
		{name: "a block with a record twice", do: inBlock(301, func(record, rest []byte) []byte {
			return slices.Concat(record, record, rest)
		}), want: corruptAt(302)},
		{name: "a block that repeats a part of another", do: inRecords(func(b *bolt.Bucket) error {
			_, rest := cutFirst(b.Get(recordKey(301)))
			return b.Put(recordKey(302), bytes.Clone(rest))
		}), want: corruptAnywhere},
		{name: "the first block missing", do: inRecords(func(b *bolt.Bucket) error { return b.Delete(recordKey(1)) }), want: corruptAt(1)},
		{name: "a block missing", do: inRecords(func(b *bolt.Bucket) error { return b.Delete(recordKey(1501)) }), want: corruptAt(1501)},
		{name: "a record 0", do: inRecords(func(b *bolt.Bucket) error {
			return b.Put(recordKey(0), events.Seal(events.Append(nil, &events.Record{Event: &events.SourceSeen{}}, nil), 0, 0))
		}), want: corruptAt(1)},
		{name: "a key of another size", do: inRecords(func(b *bolt.Bucket) error { return b.Put([]byte("key"), []byte("value")) }), want: corrupt},
		{name: "a bucket among the records", do: inRecords(func(b *bolt.Bucket) error {
			_, err := b.CreateBucket(recordKey(baseRecords + 1))
			return err
		}), want: corruptAnywhere},
		{name: "a record of a kind that does not exist", edit: resealed(1234, func(v []byte) { v[1] = 200 }), want: corruptAt(1234)},
		{name: "a record of a newer format", edit: resealed(1234, func(v []byte) { v[0] = events.Format + 1 }), want: is(events.ErrNewer)},
		{name: "the last record of a newer format", edit: resealed(baseRecords, func(v []byte) { v[0] = events.Format + 1 }), want: is(events.ErrNewer)},

		{name: "another program's database", do: foreign(nil), want: corrupt},
		{name: "another program's database, free list not kept", do: foreign(&bolt.Options{NoFreelistSync: true}), want: corrupt},
		{name: "an empty database", do: replaced(func(p string) error {
			db, err := bolt.Open(p, 0o600, nil)
			if err != nil {
				return err
			}
			return db.Close()
		}), want: corrupt},
		{name: "records missing", do: inBolt(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("records")) }), want: corrupt},
		{name: "newer format", do: inMeta(func(b *bolt.Bucket) error { return b.Put([]byte("format"), []byte{0, 0, 0, migrations.LogFormat + 1}) }), want: newer},
		{name: "format 0", do: inMeta(func(b *bolt.Bucket) error { return b.Put([]byte("format"), []byte{0, 0, 0, 0}) }), want: corrupt},
		{name: "format missing", do: inMeta(func(b *bolt.Bucket) error { return b.Delete([]byte("format")) }), want: corrupt},
		{name: "identity missing", do: inMeta(func(b *bolt.Bucket) error { return b.Delete([]byte("id")) }), want: corrupt},
		{name: "identity cut", do: inMeta(func(b *bolt.Bucket) error { return b.Put([]byte("id"), []byte("short")) }), want: corrupt},
	}
}

// TestDamage damages a log file in each way. Opening it or reading it returns an error
// of the right type that names the file. The file is left unchanged, and can be opened
// again, by this process too, when it is repaired.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			whole := newBase(t)
			path := segmentPath(t.TempDir())
			inflict(t, path, whole, d)
			before := look(t, path)
			_, err := replayed(path)
			if err == nil || !d.want(err) {
				t.Errorf("got error %v of another type than wanted", err)
			}
			if err != nil && !strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("the error does not name the file: %v", err)
			}
			if after := look(t, path); !reflect.DeepEqual(before, after) {
				t.Error("the folder or a file in it was changed")
			}
			putRight(t, path, whole)
		})
	}
}

// TestDamageWithoutFreelist damages a file without a free list, which bbolt reads
// completely when it opens it. It is refused and left unchanged.
func TestDamageWithoutFreelist(t *testing.T) {
	t.Parallel()
	for _, d := range damages() {
		if d.edit == nil || d.name == "free list claims all memory" { // it has no free list
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			whole := newBase(t)
			image(whole.file).abandon()
			path := segmentPath(t.TempDir())
			inflict(t, path, whole, d)
			before := look(t, path)
			if _, err := replayed(path); err == nil || !d.want(err) && !corruptAnywhere(err) {
				t.Errorf("got error %v of another type than wanted", err)
			}
			if after := look(t, path); !reflect.DeepEqual(before, after) {
				t.Error("the folder or a file in it was changed")
			}
			putRight(t, path, whole)
		})
	}
}

func inflict(t *testing.T, path string, whole base, d damage) {
	t.Helper()
	b := whole.file
	if d.edit != nil {
		b = d.edit(t, bytes.Clone(b))
	}
	writeSegment(t, path, b)
	if d.do != nil {
		d.do(t, path)
	}
}

// putRight writes the undamaged content into the same file, which must then be a log
// again: no lock was left.
func putRight(t *testing.T, path string, whole base) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	writeSegment(t, path, whole.file)
	got, err := replayed(path)
	if err != nil {
		t.Fatalf("after the file was put right: %v", err)
	}
	if !reflect.DeepEqual(got, whole.records) {
		t.Error("after the file was put right: other records")
	}
}

// look returns the content of the folder of path, and the target of path.
func look(t *testing.T, path string) map[string]string {
	t.Helper()
	seen := make(map[string]string)
	err := filepath.WalkDir(filepath.Dir(path), func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		seen[p] = info.Mode().String()
		if filepath.Base(p) == "tail" {
			delete(seen, p)
			return nil
		}
		if info.Mode()&(fs.ModeDir|fs.ModeNamedPipe) == 0 {
			b, err := os.ReadFile(p)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			seen[p] += string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestHarmless opens files that look damaged and are not.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(b []byte) []byte
	}{
		{"nothing", func(b []byte) []byte { return b }},
		{"grown, as bbolt does", func(b []byte) []byte { return append(b, make([]byte, 16<<20)...) }},
		{"rubbish after the high-water mark", func(b []byte) []byte { return append(b, "rubbish"...) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			whole := newBase(t)
			path := segmentPath(t.TempDir())
			writeSegment(t, path, c.edit(whole.file))
			before := look(t, path)
			got, err := replayed(path)
			if err != nil || !reflect.DeepEqual(got, whole.records) {
				t.Errorf("got %d records and error %v, want all %d", len(got), err, len(whole.records))
			}
			if !reflect.DeepEqual(before, look(t, path)) {
				t.Error("opening and closing changed the file")
			}
		})
	}
}

// TestTornMeta simulates a crash while a meta page is written. It loses the commit that
// was in progress, which was not acknowledged, and nothing else.
func TestTornMeta(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                    string
		records, commit, appear int
		mend                    func(t *testing.T, b image) []byte
	}{
		{name: "as it was written", records: 500, commit: 100},
		{name: "transactions and pages that carry into the next byte", records: 254, commit: 1},
		{name: "reverted", records: 500, commit: 100, appear: 400, mend: inPlace(image.revert)},
		{name: "reverted, on the other page", records: 600, commit: 100, appear: 500, mend: inPlace(image.revert)},
		{name: "a copy", records: 500, commit: 100, mend: byBolt(copied)},
		{name: "a copy, its newer head on the page of the older", records: 600, commit: 100, mend: byBolt(copied)},
		{name: "updated", records: 500, commit: 100, mend: inPlace(func(b image) {
			b.update(b.meta(), metaRoot, b.page(b.meta()).u64(metaRoot))
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := segmentPath(quickDir(t))
			want := fill(t, path, c.records, c.commit)
			if c.mend != nil {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				writeSegment(t, path, c.mend(t, b))
			}
			if c.appear != 0 {
				want = want[:c.appear]
			}
			for range 3 {
				want = tear(t, path, want)
			}
		})
	}
}

// tear appends a record to a log, writes more and more of its meta page, and reads the
// log each time. It leaves the log with the record and returns all records in it.
func tear(t *testing.T, path string, want []events.Record) []events.Record {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	more := append(slices.Clone(want), appendOne(t, path, want))
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after = before[:image(before).used()], after[:image(after).used()]
	meta := image(after).meta()
	complete := 0
	for written := range 96 { // two meta pages differ in their first 80 bytes only
		torn := image(bytes.Clone(after))
		copy(torn.page(meta)[written:], image(before).page(meta)[written:])
		if bytes.Equal(torn, after) {
			complete++
			continue
		}
		writeSegment(t, path, torn) // what was not acknowledged is not in the tail
		if got, err := replayed(path); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d bytes were written: got %d records and error %v, want %d", written, len(got), err, len(want))
		}
	}
	if complete == 96 {
		t.Error("no meta page was torn: the test proves nothing")
	}
	writeSegment(t, path, after)
	return more
}

// TestNoPermission opens files without the permission to read them.
func TestNoPermission(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		mode fs.FileMode
	}{{"read", 0o200}, {"write", 0o400}, {"either", 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			whole := newBase(t)
			path := segmentPath(t.TempDir())
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, whole.file, 0o600), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			err := asNobody(t, path, func() error {
				_, err := replayed(path)
				return err
			})
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want that permission for %s is denied", err, path)
			}
		})
	}
}

// asNobody runs f without the rights of root. It gives the file at path to nobody.
func asNobody(t *testing.T, path string, f func() error) error {
	t.Helper()
	if os.Getuid() != 0 {
		return f()
	}
	const nobody = 65534
	for dir := path; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	result := make(chan error)
	go func() {
		// The thread stays locked, and so ends with the goroutine.
		runtime.LockOSThread()
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}
