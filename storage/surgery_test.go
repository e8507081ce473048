package storage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/storage"
)

// The files of these tests have this many records of the ordinary mix, and this many in
// a commit.
const (
	baseRecords = 3000
	baseCommit  = 100
)

// base is a log file, cut at its high-water mark, and its content.
type base struct {
	file    []byte
	records []events.Record
}

var baseOnce sync.Once

var theBase base

// quickDir returns a folder, not necessarily on a disk, for tests that sync thousands
// of times.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gatebook-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newBase returns the log file that the tests damage. It is made once.
func newBase(t testing.TB) base {
	t.Helper()
	baseOnce.Do(func() {
		path := segmentPath(t.TempDir())
		theBase.records = fill(t, path, baseRecords, baseCommit)
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		theBase.file = file[:image(file).used()]
	})
	if theBase.file == nil {
		t.Fatal("the base could not be made: see the first test that wanted it")
	}
	return base{bytes.Clone(theBase.file), slices.Clone(theBase.records)}
}

// fill creates a log of n records of the ordinary mix, and returns them as they were
// stored.
func fill(t testing.TB, path string, n, commit int) []events.Record {
	t.Helper()
	return fillSegments(t, path, n, commit, 0)
}

// fillSegments is fill with segments of some size.
func fillSegments(t testing.TB, path string, n, commit int, segment int64) []events.Record {
	t.Helper()
	if err := storage.CreateBolt(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	log, err := storage.OpenBolt(filepath.Dir(path), storage.BoltOptions{SegmentBytes: segment})
	if err != nil {
		t.Fatal(err)
	}
	var all []events.Record
	deliver := func(batch []events.Record) error {
		all = append(all, batch...)
		return nil
	}
	if err := log.Start(0, deliver); err != nil {
		t.Fatal(err)
	}
	var list []storage.Entry
	for r := range eventstest.Ordinary(1) {
		list = append(list, storage.Entry{Record: r, Expect: log.Head().Sequence})
		if len(list) == commit || len(all)+len(list) == n {
			if err := log.Append(context.Background(), list); err != nil {
				t.Fatal(err)
			}
			list = list[:0]
		}
		if len(all) == n {
			break
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// firstSegment is the name of the first segment's file.
const firstSegment = "00000000000000000001.db"

// segmentPath returns the path of the first segment of a log in a folder.
func segmentPath(folder string) string { return filepath.Join(folder, "log", firstSegment) }

// openSegment opens the log whose first segment is at path.
func openSegment(path string) (*storage.Bolt, error) {
	return storage.OpenBolt(filepath.Dir(path), storage.BoltOptions{})
}

// writeSegment writes the first segment of a log, without a tail.
func writeSegment(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	forgetTail(t, path)
}

// forgetTail removes the tail of the log whose first segment is at path.
func forgetTail(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(filepath.Join(filepath.Dir(path), "tail")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// replayed opens the log whose first segment is at path and returns its records. The errors are those of
// opening, starting and closing.
func replayed(path string) (all []events.Record, err error) {
	log, err := openSegment(path)
	if err != nil {
		return nil, err
	}
	err = log.Start(0, func(batch []events.Record) error {
		all = append(all, batch...)
		return nil
	})
	return all, errors.Join(err, log.Close())
}

// image is the content of a bbolt file. The offsets are those of bbolt's file version
// 2: a page begins with its number (8 bytes), flags (2), count (2) and overflow (4),
// and its elements follow.
type image []byte

const (
	pageSize = 4096

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
)

// The fields of a meta page, as offsets in it.
const (
	metaMagic    = 16
	metaPageSize = 24
	metaRoot     = 32
	metaSequence = 40
	metaFreelist = 48
	metaHighest  = 56
	metaTx       = 64
	metaSum      = 72
)

func (b image) page(n uint64) image { return b[n*pageSize : (n+1)*pageSize] }
func (b image) flags() uint16       { return binary.NativeEndian.Uint16(b[8:]) }
func (b image) count() int          { return int(binary.NativeEndian.Uint16(b[10:])) }
func (b image) u64(at int) uint64   { return binary.NativeEndian.Uint64(b[at:]) }

func (b image) put64(at int, v uint64) { binary.NativeEndian.PutUint64(b[at:], v) }
func (b image) put32(at int, v uint32) { binary.NativeEndian.PutUint32(b[at:], v) }
func (b image) put16(at int, v uint16) { binary.NativeEndian.PutUint16(b[at:], v) }

// sum corrects the checksum of a meta page.
func (b image) sum() {
	h := fnv.New64a()
	h.Write(b[metaMagic:metaSum])
	b.put64(metaSum, h.Sum64())
}

// meta returns the number of the newer meta page.
func (b image) meta() uint64 {
	if b.page(1).u64(metaTx) > b.page(0).u64(metaTx) {
		return 1
	}
	return 0
}

// used returns the bytes of the file that are in use.
func (b image) used() uint64 { return b.page(b.meta()).u64(metaHighest) * pageSize }

// setMetas changes a field in both meta pages and corrects their checksums.
func (b image) setMetas(at int, v uint64) {
	for n := range uint64(2) {
		b.page(n).put64(at, v)
		b.page(n).sum()
	}
}

// element returns the number in element i of a page: of a branch page the child's, of a
// leaf page the offset of its key in the page.
func (b image) element(i int) uint64 {
	at := 16 + 16*i
	if b.flags() == flagBranch {
		return b.u64(at + 8)
	}
	return uint64(at) + uint64(binary.NativeEndian.Uint32(b[at+4:]))
}

// records returns the root page of the bucket of records.
func (b image) records() uint64 {
	root := b.page(b.page(b.meta()).u64(metaRoot))
	for i := range root.count() {
		at := root.element(i)
		if bytes.HasPrefix(root[at:], []byte("records")) {
			return root.u64(int(at) + len("records"))
		}
	}
	panic("no bucket of records")
}

// leaf returns the page of records at the given child of each branch: 0 for the first,
// -1 for the last.
func (b image) leaf(child int) uint64 {
	n := b.records()
	for b.page(n).flags() == flagBranch {
		i := child
		if i < 0 {
			i = b.page(n).count() - 1
		}
		n = b.page(n).element(i)
	}
	return n
}

// withBolt changes the database at path with bbolt.
func withBolt(t testing.TB, path string, change func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// recordKey returns the key of a record.
func recordKey(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

// valueOf returns the offset of a record in the file: it is in a block, after its
// length.
func (b image) valueOf(t testing.TB, sequence uint64) []byte {
	t.Helper()
	var block []byte
	first := uint64(0)
	var walk func(n uint64)
	walk = func(n uint64) {
		p := b.page(n)
		for i := range p.count() {
			if p.flags() == flagBranch {
				walk(p.element(i))
				continue
			}
			at := p.element(i)
			if key := binary.BigEndian.Uint64(p[at:]); key > first && key <= sequence {
				size := uint64(binary.NativeEndian.Uint32(p[16+16*i+12:]))
				first, block = key, p[at+8:at+8+size]
			}
		}
	}
	walk(b.records())
	for ; len(block) > 0; first++ {
		length, n := binary.Uvarint(block)
		if first == sequence {
			return block[n : n+int(length)]
		}
		block = block[n+int(length):]
	}
	t.Fatal(fmt.Errorf("record %d is not in the file", sequence))
	return nil
}
