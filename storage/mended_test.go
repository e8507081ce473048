package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage"
)

// mending is a change that bbolt's command "surgery", or bbolt itself, makes to a file.
// The bytes are those that the command of bbolt 1.5.0 writes: they were compared with
// its output. The command is not run here because it needs modules that this one does
// not.
type mending struct {
	name string
	edit func(t *testing.T, b image) []byte
	lost int // the number of commits it takes back, or some
}

// some stands for the records of one leaf.
const some = -1

// metaFlags is the field that "surgery meta update" sets to the flag of a meta page.
const metaFlags = 28

// revert does what "surgery revert-meta-page" does.
func (b image) revert() {
	newer := b.meta()
	copy(b.page(newer), b.page(1-newer))
	b.page(newer).put64(0, newer)
}

// abandon does what "surgery freelist abandon" does.
func (b image) abandon() { b.setMetas(metaFreelist, math.MaxUint64) }

// update does what "surgery meta update" does with one field.
func (b image) update(meta uint64, field int, value uint64) {
	p := b.page(meta)
	p.put64(field, value)
	p.put32(metaFlags, 4)
	p.sum()
}

// truncate does what "surgery clear-page-elements" does from an element to the last, of
// a page whose elements before that fit into it.
func (b image) truncate(page uint64, from uint16) {
	b.page(page).put16(10, from)
	b.page(page).put32(12, 0)
}

// copyPage does what "surgery copy-page" does with a page without overflow.
func (b image) copyPage(from, to uint64) image {
	if end := int(to+1) * pageSize; len(b) < end {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b.page(to), b.page(from))
	b.page(to).put64(0, to)
	return b
}

// byBolt returns an edit that bbolt makes to the file itself.
func byBolt(edit func(t *testing.T, path string)) func(*testing.T, image) []byte {
	return func(t *testing.T, b image) []byte {
		path := filepath.Join(quickDir(t), "bolt.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		edit(t, path)
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
}

// rebuilt does what "surgery freelist rebuild" does.
func rebuilt(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// copied replaces the file at path by the copy that bbolt makes of an open database.
func copied(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bolt.Tx) error { return tx.CopyFile(path+".copy", 0o600) })
	if err := errors.Join(err, db.Close(), os.Rename(path+".copy", path)); err != nil {
		t.Fatal(err)
	}
}

// deepened is the file with each block split into its records, on so many pages that
// they need two levels of branches.
func deepened(t *testing.T, b image) image {
	t.Helper()
	return byBolt(func(t *testing.T, path string) {
		withBolt(t, path, func(tx *bolt.Tx) error {
			records := tx.Bucket([]byte("records"))
			records.FillPercent = 0.2
			blocks := make(map[uint64][]byte)
			sequence := uint64(1)
			for k, v := records.Cursor().First(); k != nil; k, v = records.Cursor().Seek(recordKey(sequence)) {
				for rest := bytes.Clone(v); len(rest) > 0; sequence++ {
					blocks[sequence], rest = cutFirst(rest)
				}
			}
			for k := uint64(1); k < sequence; k++ {
				if err := records.Put(recordKey(k), blocks[k]); err != nil {
					return err
				}
			}
			return nil
		})
	})(t, b)
}

func mendings() []mending {
	return []mending{
		{name: "revert-meta-page", lost: 1, edit: inPlace(image.revert)},
		{name: "freelist abandon", edit: inPlace(image.abandon)},
		{name: "revert-meta-page, freelist abandon", lost: 1, edit: inPlace(func(b image) { b.revert(); b.abandon() })},
		{name: "freelist abandon, freelist rebuild", edit: func(t *testing.T, b image) []byte {
			b.abandon()
			return byBolt(rebuilt)(t, b)
		}},
		{name: "meta update of the newer, nothing new", edit: inPlace(func(b image) {
			b.update(b.meta(), metaRoot, b.page(b.meta()).u64(metaRoot))
		})},
		{name: "meta update of the older, root and high-water mark beyond the file", edit: inPlace(func(b image) {
			b.update(1-b.meta(), metaRoot, 1<<40)
			b.update(1-b.meta(), metaHighest, 1<<50)
		})},
		{name: "meta update of the newer, free list abandoned there alone", edit: inPlace(func(b image) {
			b.update(b.meta(), metaFreelist, math.MaxUint64)
		})},
		{name: "copy-page of the root, meta update to the copy, freelist abandon", edit: func(_ *testing.T, b image) []byte {
			newer, root, last := b.meta(), b.page(b.meta()).u64(metaRoot), b.used()/pageSize
			b = b.copyPage(root, last)
			b.update(newer, metaRoot, last)
			b.update(newer, metaHighest, last+1)
			b.abandon()
			return b
		}},
		{name: "clear-page of the last leaf, freelist abandon", lost: some, edit: inPlace(func(b image) {
			b.truncate(b.leaf(-1), 0)
			b.abandon()
		})},
		{name: "clear-page-elements of a branch, the last, freelist abandon", lost: some, edit: inPlace(func(b image) {
			p := b.page(b.records())
			b.truncate(b.records(), uint16(p.count()-1))
			b.abandon()
		})},
		{name: "copy-page of a leaf over the branch above it, freelist abandon", lost: some, edit: func(t *testing.T, b image) []byte {
			b = deepened(t, b)
			root := b.page(b.records())
			last := root.element(root.count() - 1)
			for b.page(last).count() > 1 {
				b.truncate(last, uint16(b.page(last).count()-1))
			}
			b = b.copyPage(b.leaf(-1), last)
			if b.page(root.element(0)).flags() != flagBranch || root.element(root.count()-1) != last {
				t.Error("the tree is equally deep everywhere: this case proves nothing")
			}
			b.abandon()
			return b
		}},
		{name: "a copy of the open database", edit: byBolt(copied)},
	}
}

// TestMended opens files that bbolt's command has changed, reads them, and writes to
// them. Those that have lost records before the end that the log remembers are refused.
// Opening changes nothing.
func TestMended(t *testing.T) {
	t.Parallel()
	for commits := 40; commits <= 41; commits++ { // the newer head is on page 0 or on page 1
		path := segmentPath(quickDir(t))
		records := fill(t, path, commits*100, 100)
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file = file[:image(file).used()]
		for _, m := range mendings() {
			t.Run(fmt.Sprintf("%s of %d commits", m.name, commits), func(t *testing.T) {
				t.Parallel()
				path := segmentPath(quickDir(t))
				writeSegment(t, path, m.edit(t, bytes.Clone(file)))
				before := look(t, path)
				got, err := replayed(path)
				if m.lost == some {
					if !corruptAnywhere(err) || !reflect.DeepEqual(before, look(t, path)) {
						t.Errorf("records are lost that the log says it has: got error %v, want a CorruptError and the file unchanged", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				want := records[:len(records)-100*m.lost]
				if !reflect.DeepEqual(got, want) || len(got) < 500 {
					t.Errorf("got %d records, want %d", len(got), len(want))
				}
				if !reflect.DeepEqual(before, look(t, path)) {
					t.Error("opening and closing changed the file")
				}
				for range 3 {
					got = append(got, appendOne(t, path, got))
					if again, err := replayed(path); err != nil || !reflect.DeepEqual(again, got) {
						t.Fatalf("after a commit: got %d records and error %v, want %d", len(again), err, len(got))
					}
					isSound(t, path)
				}
			})
		}
	}
}

// appendOne appends a record to a log that has some, and returns it.
func appendOne(t *testing.T, path string, have []events.Record) events.Record {
	t.Helper()
	log, err := openSegment(path)
	if err != nil {
		t.Fatal(err)
	}
	var one events.Record
	err = log.Start(uint64(len(have)), func(batch []events.Record) error {
		one = batch[0]
		return nil
	})
	if err == nil {
		err = log.Append(t.Context(), []storage.Entry{{Record: events.Record{Event: &events.SourceSeen{}}}})
	}
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	return one
}

// isSound fails unless bbolt finds no fault in a file: every page is either in use once
// or free.
func isSound(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bolt.Tx) error {
		var wrong []error
		for err := range tx.Check() {
			wrong = append(wrong, err)
		}
		return errors.Join(wrong...)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Error(err)
	}
}
