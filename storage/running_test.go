package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage"
)

// TestDamageWhileItRuns damages the newest segment of an open log. Nothing is acknowledged
// that a process that opens the log anew would not find, reading returns the record or an
// error, and nothing panics, faults or waits for ever.
func TestDamageWhileItRuns(t *testing.T) {
	t.Parallel()
	rewrite := func(edit func(b image)) func(*testing.T, string) error {
		return func(_ *testing.T, path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			edit(b)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(b)
			return errors.Join(err, f.Close())
		}
	}
	for name, damage := range map[string]func(t *testing.T, path string) error{
		"both meta pages":            rewrite(func(b image) { clear(b[:2*pageSize]) }),
		"cut to nothing":             func(_ *testing.T, path string) error { return os.Truncate(path, 0) },
		"cut in the middle":          func(_ *testing.T, path string) error { return os.Truncate(path, 5*pageSize) },
		"removed":                    func(_ *testing.T, path string) error { return os.Remove(path) },
		"its folder moved away":      func(_ *testing.T, path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") },
		"an older copy in its place": olderCopy,
		"a symbolic link to it": func(t *testing.T, path string) error {
			elsewhere := filepath.Join(t.TempDir(), "moved.db")
			return errors.Join(os.Rename(path, elsewhere), os.Symlink(elsewhere, path))
		},
		"last leaf is its own branch": rewrite(func(b image) { copy(b.page(b.leaf(-1)), b.page(b.records())) }),
		"last leaf is a cycle": rewrite(func(b image) {
			last := b.leaf(-1)
			copy(b.page(last), b.page(b.records()))
			b.page(last).put64(0, last)
			for i := range b.page(last).count() {
				b.page(last).put64(16+16*i+8, last)
			}
		}),
		"overflow of the last leaf": rewrite(func(b image) { b.page(b.leaf(-1)).put32(12, uint32(b.used()/pageSize-b.leaf(-1)-1)) }),
		"overflow of the free list": rewrite(func(b image) {
			free := b.page(b.meta()).u64(metaFreelist)
			b.page(free).put32(12, max(1, uint32(b.used()/pageSize-free-1)))
		}),
		"count of the last leaf":     rewrite(func(b image) { b.page(b.leaf(-1)).put16(10, 1) }),
		"last leaf zeroed":           rewrite(func(b image) { clear(b.page(b.leaf(-1))) }),
		"root leaf zeroed":           rewrite(func(b image) { clear(b.page(b.page(b.meta()).u64(metaRoot))) }),
		"key of the last child":      rewrite(func(b image) { flipLastKey(b.page(b.records())) }),
		"last child beyond the file": rewrite(func(b image) { p := b.page(b.records()); p.put64(16+16*(p.count()-1)+8, 1<<40) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := segmentPath(t.TempDir())
			want := fill(t, path, baseRecords, baseCommit)
			log, err := openSegment(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := log.Start(uint64(len(want)), func([]events.Record) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if err := damage(t, path); err != nil {
				t.Fatal(err)
			}
			use(t, log, want)
		})
	}
}

func flipLastKey(p image) {
	at := 16 + 16*(p.count()-1)
	p[at+int(p[at])] ^= 0x40
}

// olderCopy puts a copy of the log as it was in the place of the one that is open.
func olderCopy(t *testing.T, path string) error {
	older := segmentPath(t.TempDir())
	fill(t, older, 100, 100)
	return os.Rename(older, path)
}

// use appends to and reads from a log that was damaged while it is open, and closes it.
func use(t *testing.T, log *storage.Bolt, want []events.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 {
			err := log.Append(ctx, []storage.Entry{{Record: events.Record{Event: &events.SourceSeen{}}}})
			if !errors.Is(err, storage.ErrReadOnly) {
				t.Errorf("append: got error %v, want ErrReadOnly", err)
			}
		}
		for after := 0; after < len(want); after += 500 {
			buffer := make([]events.Record, 100)
			n, err := log.Read(uint64(after), buffer)
			if err != nil && !corruptAnywhere(err) {
				t.Errorf("read: got error %v, want a CorruptError", err)
			}
			for i, r := range buffer[:n] {
				if got, want := fmt.Sprintf("%+v", r.Event), fmt.Sprintf("%+v", want[after+i].Event); got != want {
					t.Errorf("record %d is %s, want %s", after+i+1, got, want)
				}
			}
		}
		if err := log.Err(); !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("ready: got %v, want ErrReadOnly", err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("the log does not answer any more")
	}
}

// TestInterruptedCommit ends commits by a signal, as a file system in user space or on a
// network does. They are tried again, or found to be durable.
func TestInterruptedCommit(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*bolt.Tx) error{
		"before it changed anything": notPersisted(syscall.EINTR), "after it was written": persisted(syscall.EINTR),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
			tries := 0
			l.fault = func(tx *bolt.Tx) error {
				if tries++; tries > 3 {
					return tx.Commit()
				}
				return fault(tx)
			}
			for _, text := range []string{"a", "b"} {
				if err := l.put(text); err != nil {
					t.Error(err)
				}
			}
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

// TestFullDiskWhileItGrows fails to grow the file, of which bbolt passes on the text alone.
func TestFullDiskWhileItGrows(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	l.fault = func(*bolt.Tx) error { return errors.New("file resize error: truncate log: no space left on device") }
	if err := l.put("a"); !errors.Is(err, storage.ErrDiskFull) {
		t.Errorf("got %v, want ErrDiskFull", err)
	}
	l.fault = nil
	if err := l.put("b"); err != nil {
		t.Error(err)
	}
	wantTexts(t, "delivered", l.records(), []string{"b"})
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestFullDiskBetweenSegments fills the disk when a segment is complete. The next append
// tries again.
func TestFullDiskBetweenSegments(t *testing.T) {
	t.Parallel()
	folder, makeRoom := smallDisk(t, 90<<10)
	path := filepath.Join(folder, "log")
	if err := storage.CreateBolt(path); err != nil {
		t.Fatal(err)
	}
	log, err := storage.OpenBolt(path, storage.BoltOptions{SegmentBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	var delivered []events.Record
	if err := log.Start(0, func(batch []events.Record) error {
		delivered = append(delivered, batch...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	put := func() error {
		return log.Append(t.Context(), []storage.Entry{{Record: events.Record{Event: &events.SourceSeen{}}}})
	}
	acknowledged := 0
	for err = put(); err == nil && acknowledged < 100; err = put() {
		acknowledged++
	}
	if !errors.Is(err, storage.ErrDiskFull) || acknowledged == 0 {
		t.Fatalf("after %d appends: got %v, want ErrDiskFull", acknowledged, err)
	}
	makeRoom()
	if err := put(); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := replayed(filepath.Join(path, firstSegment)); err != nil || len(got) != acknowledged+1 || len(delivered) != len(got) {
		t.Errorf("after reopening: %d records and error %v, want %d", len(got), err, acknowledged+1)
	}
}
