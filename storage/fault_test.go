package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/storage"
)

var (
	errDisk = errors.New("input/output error of the test")
	// errFull is the error that bbolt returns when a write finds no space.
	errFull = &fs.PathError{Op: "write", Path: "log.db", Err: syscall.ENOSPC}
)

// faulty is a log whose commits can be made to fail.
type faulty struct {
	*storage.Bolt
	path string
	// fault replaces the next commits, if it is not nil.
	fault func(*bolt.Tx) error
	// before is called before a delivery, if it is not nil, and can fail it.
	before func() error

	mu        sync.Mutex // guards delivered
	delivered []events.Record
}

// openFaulty opens the log at path, and creates it if need be.
func openFaulty(t fatal, path string) *faulty {
	t.Helper()
	return openFaultySegments(t, path, 0)
}

// openFaultySegments is openFaulty for a log whose segments are sealed at a size.
func openFaultySegments(t fatal, path string, bytes int64) *faulty {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := storage.CreateBolt(path); err != nil {
			t.Fatalf("create: %v", err)
		}
	}
	l := &faulty{path: path}
	o := storage.BoltOptions{SegmentBytes: bytes}
	o.SetCommit(func(tx *bolt.Tx) error {
		if l.fault != nil {
			return l.fault(tx)
		}
		return tx.Commit()
	})
	var err error
	if l.Bolt, err = storage.OpenBolt(path, o); err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := l.Start(0, l.deliver); err != nil {
		t.Fatalf("start: %v", err)
	}
	return l
}

// fatal is the part that tests and properties share.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (l *faulty) deliver(batch []events.Record) error {
	if l.before != nil {
		if err := l.before(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered = append(l.delivered, batch...)
	return nil
}

func (l *faulty) records() []events.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivered[:len(l.delivered):len(l.delivered)]
}

// put appends a list of small records.
func (l *faulty) put(texts ...string) error {
	entries := make([]storage.Entry, len(texts))
	for i, text := range texts {
		entries[i].Record.Event = &events.KillRequested{Why: text}
	}
	return l.Append(context.Background(), entries)
}

// texts returns the texts of the records.
func texts(records []events.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Event.(*events.KillRequested).Why)
	}
	return all
}

// notPersisted fails and leaves the disk unchanged.
func notPersisted(err error) func(*bolt.Tx) error {
	return func(*bolt.Tx) error { return err }
}

// persisted fails although everything is on the disk.
func persisted(err error) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error { return errors.Join(tx.Commit(), err) }
}

// TestFailedCommit fails a commit, for another reason than a full disk. After that the
// log assumes nothing of the disk.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault func(*bolt.Tx) error
		cause error
		after []string // the records after it is opened again
	}{
		{"not persisted", notPersisted(errDisk), errDisk, []string{"a", "b"}},
		{"persisted but reported failed", persisted(errDisk), errDisk, []string{"a", "b", "c", "d"}},
		{"no space to sync", notPersisted(syscall.ENOSPC), syscall.ENOSPC, []string{"a", "b"}},
		{"no space, and persisted all the same", persisted(errFull), errFull, []string{"a", "b", "c", "d"}},
		{"bbolt panics", func(*bolt.Tx) error { panic("page 7 already freed") }, nil, []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
			if err := errors.Join(l.put("a"), l.put("b")); err != nil {
				t.Fatal(err)
			}
			l.fault = c.fault
			wantReadOnly(t, "the append", l.put("c", "d"), c.cause)
			l.fault = func(*bolt.Tx) error { panic("a commit after one that failed") }
			wantReadOnly(t, "the next append", l.put("e"), c.cause)
			wantReadOnly(t, "ready", l.Err(), c.cause)

			wantTexts(t, "delivered", l.records(), []string{"a", "b"})
			buffer := make([]events.Record, 10)
			n, err := l.Read(0, buffer)
			if err != nil {
				t.Errorf("reads go on: %v", err)
			}
			wantTexts(t, "read", buffer[:n], []string{"a", "b"})
			if head := l.Head().Sequence; head != 2 {
				t.Errorf("the head is %d, want 2", head)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}

			l = openFaulty(t, l.path)
			wantTexts(t, "after reopening", l.records(), c.after)
			if err := errors.Join(l.Err(), l.put("f"), l.Close()); err != nil {
				t.Errorf("after reopening: %v", err)
			}
		})
	}
}

func wantReadOnly(t *testing.T, what string, err, cause error) {
	t.Helper()
	if !errors.Is(err, storage.ErrReadOnly) || errors.Is(err, storage.ErrDiskFull) || cause != nil && !errors.Is(err, cause) {
		t.Errorf("%s: got %v, want ErrReadOnly because of: %v", what, err, cause)
	}
}

func wantTexts(t *testing.T, what string, records []events.Record, want []string) {
	t.Helper()
	if got := texts(records); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestNoSpace fails a write because of missing space. Nothing has changed, and the next
// append tries again.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
			if err := l.put("a"); err != nil {
				t.Fatal(err)
			}
			decided := []storage.Entry{{Record: events.Record{Session: 7, Event: &events.KillRequested{Why: "b"}}, Expect: 1}}
			l.fault = notPersisted(&fs.PathError{Op: "write", Path: l.path, Err: errno})
			for range 3 {
				err := l.Append(t.Context(), decided)
				if !errors.Is(err, storage.ErrDiskFull) || !errors.Is(err, errno) || errors.Is(err, storage.ErrReadOnly) {
					t.Errorf("got %v, want ErrDiskFull because of: %v", err, errno)
				}
				if err := l.Err(); !errors.Is(err, storage.ErrDiskFull) {
					t.Errorf("ready: got %v, want ErrDiskFull", err)
				}
			}
			l.fault = nil
			// A failed append is no reason for a conflict.
			if err := l.Append(t.Context(), decided); err != nil {
				t.Fatalf("when there is space again: %v", err)
			}
			if got := decided[0].Record.Sequence; got != 2 {
				t.Errorf("the record has sequence %d, want 2", got)
			}
			if err := l.Err(); err != nil {
				t.Errorf("when there is space again: %v", err)
			}
			wantTexts(t, "delivered", l.records(), []string{"a", "b"})
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openFaulty(t, l.path)
			wantTexts(t, "after reopening", l.records(), []string{"a", "b"})
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBatchFails puts several lists into one commit. Each gets its own answer.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	before := []storage.Entry{{Record: events.Record{Session: 3, Event: &events.KillRequested{}}}}
	if err := l.Append(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	release := stall(t, l)
	var wg sync.WaitGroup
	results := make(map[string]error)
	var mu sync.Mutex
	for i, c := range []struct {
		name  string
		entry storage.Entry
	}{
		{"first", storage.Entry{Record: events.Record{Session: 1, Event: &events.KillRequested{}}, Expect: 2}},
		{"of another stream", storage.Entry{Record: events.Record{Session: 2, Event: &events.KillRequested{}}, Expect: 2}},
		// It conflicts with the first, which fails as well, and so with nothing.
		{"late", storage.Entry{Record: events.Record{Session: 1, Event: &events.KillRequested{}}, Expect: 2}},
		{"behind", storage.Entry{Record: events.Record{Session: 3, Event: &events.KillRequested{}}}},
	} {
		wg.Go(func() {
			err := l.Append(context.Background(), []storage.Entry{c.entry})
			mu.Lock()
			defer mu.Unlock()
			results[c.name] = err
		})
		awaitWaiting(l, i+1)
	}
	release(notPersisted(errDisk))
	wg.Wait()
	wantReadOnly(t, "first", results["first"], errDisk)
	wantReadOnly(t, "of another stream", results["of another stream"], errDisk)
	wantReadOnly(t, "late", results["late"], errDisk)
	if err := results["behind"]; !errors.Is(err, storage.ErrConflict) {
		t.Errorf("behind: got %v, want ErrConflict", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestExpectationsWithinOneCommit appends lists that share a commit, and see each
// other.
func TestExpectationsWithinOneCommit(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	release := stall(t, l)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i, expect := range []uint64{1, 1, 2, 1} {
		stream := uint64(1)
		if i == 3 {
			stream = 2
		}
		wg.Go(func() {
			errs[i] = l.Append(context.Background(), []storage.Entry{
				{Record: events.Record{Session: stream, Event: &events.KillRequested{Why: fmt.Sprint(i)}}, Expect: expect},
			})
		})
		awaitWaiting(l, i+1)
	}
	release(nil)
	wg.Wait()
	for i, refused := range []bool{false, true, false, false} {
		if got := errors.Is(errs[i], storage.ErrConflict); got != refused || !refused && errs[i] != nil {
			t.Errorf("list %d: got %v, want it refused: %v", i, errs[i], refused)
		}
	}
	wantTexts(t, "delivered", l.records(), []string{"stalled", "0", "2", "3"})
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// stall appends one record and blocks its commit until the returned function is called.
// The commits after it are then replaced by fault.
func stall(t *testing.T, l *faulty) (release func(fault func(*bolt.Tx) error)) {
	t.Helper()
	reached, opened := make(chan struct{}), make(chan struct{})
	l.fault = func(tx *bolt.Tx) error {
		close(reached)
		<-opened
		return tx.Commit()
	}
	done := make(chan error, 1)
	go func() { done <- l.put("stalled") }()
	<-reached
	return func(fault func(*bolt.Tx) error) {
		l.fault = fault // the appending goroutine reads it after opened is closed
		close(opened)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// awaitWaiting returns when n records wait for the next commit.
func awaitWaiting(l *faulty, n int) {
	for l.Waiting() < n {
		runtime.Gosched()
	}
}

// TestAcknowledgedIsPresent fails commits in every way, those that seal a segment too, and
// reopens the log. The acknowledged records are present, in order. Other records in it were
// reported as failed, and are whole.
func TestAcknowledgedIsPresent(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		segment := rapid.SampledFrom([]int64{0, 1, 60_000}).Draw(r, "segment") // of 1 byte: each commit seals one
		l := openFaultySegments(r, filepath.Join(dir, fmt.Sprint(run)), segment)
		var want []string
		for i := range rapid.IntRange(1, 15).Draw(r, "appends") {
			list := []string{fmt.Sprintf("%d/1", i), fmt.Sprintf("%d/2", i)}
			how := rapid.SampledFrom([]string{"well", "well", "full", "not persisted", "persisted"}).Draw(r, "how")
			l.fault = map[string]func(*bolt.Tx) error{
				"full": notPersisted(errFull), "not persisted": notPersisted(errDisk), "persisted": persisted(errDisk),
			}[how]
			err := l.put(list...)
			expected := map[string]error{
				"full": storage.ErrDiskFull, "not persisted": storage.ErrReadOnly, "persisted": storage.ErrReadOnly,
			}[how]
			if !errors.Is(err, expected) {
				r.Fatalf("append %d, which goes %s: got %v, want %v", i, how, err, expected)
			}
			if how == "well" || how == "persisted" {
				want = append(want, list...)
			}
			if errors.Is(err, storage.ErrReadOnly) {
				if err := l.Close(); err != nil {
					r.Fatal(err)
				}
				l = openFaultySegments(r, l.path, segment)
			}
			if got := texts(l.records()); !reflect.DeepEqual(got, want) {
				r.Fatalf("after append %d, which went %s: got %q, want %q", i, how, got, want)
			}
		}
		if err := l.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

// TestForgedFreeList gives a file a list of free pages that names pages in use: bbolt would
// write on them. It is refused.
func TestForgedFreeList(t *testing.T) {
	t.Parallel()
	whole := newBase(t)
	path := segmentPath(t.TempDir())
	b := image(whole.file)
	free := b.page(b.page(b.meta()).u64(metaFreelist))
	highest := b.page(b.meta()).u64(metaHighest)
	free.put16(10, uint16(highest-2))
	for id := uint64(2); id < highest; id++ {
		free.put64(int(16+8*(id-2)), id)
	}
	writeSegment(t, path, b)
	if _, err := openSegment(path); !corruptAnywhere(err) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want that %s is damaged", err, path)
	}
}

// TestCommitPanics panics in the middle of a commit, as bbolt does over damaged pages. That
// ends the appends, and closing does not wait for the locks that are left held.
func TestCommitPanics(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	if err := l.put("before"); err != nil {
		t.Fatal(err)
	}
	l.fault = func(*bolt.Tx) error { panic("a damaged page") }
	for range 2 {
		if err := l.put("never"); !errors.Is(err, storage.ErrReadOnly) || !corruptAnywhere(err) {
			t.Errorf("got %v, want ErrReadOnly because the file is damaged", err)
		}
	}
	if n, err := l.Read(0, make([]events.Record, 2)); n != 1 || err != nil {
		t.Errorf("reading goes on: got %d records and error %v, want 1", n, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l = openFaulty(t, l.path)
	wantTexts(t, "after reopening", l.records(), []string{"before"})
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
