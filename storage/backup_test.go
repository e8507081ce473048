package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"gatebook/events"
	"gatebook/storage"
)

// smallLog is a log whose segments are sealed after a few commits.
type smallLog struct {
	*storage.Bolt
	t      *testing.T
	folder string // of the log
	acked  atomic.Uint64
}

// newSmallLog begins a log with segments of at least so many bytes.
func newSmallLog(t *testing.T, bytes int64) *smallLog {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data", "log")
	check(t, os.Mkdir(filepath.Dir(folder), 0o700))
	check(t, storage.CreateBolt(folder))
	return openSmallLog(t, folder, bytes)
}

func openSmallLog(t *testing.T, folder string, bytes int64) *smallLog {
	t.Helper()
	log, err := storage.OpenBolt(folder, storage.BoltOptions{SegmentBytes: bytes})
	check(t, err)
	l := &smallLog{Bolt: log, t: t, folder: folder}
	l.acked.Store(log.Head().Sequence)
	check(t, log.Start(log.Head().Sequence, func([]events.Record) error { return nil }))
	t.Cleanup(func() { check(t, log.Close()) })
	return l
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// put appends records, each in a commit of its own.
func (l *smallLog) put(n int) {
	l.t.Helper()
	for range n {
		if err := l.add(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *smallLog) add(ctx context.Context) error {
	session := rand.Uint64N(1000)
	list := []storage.Entry{{Expect: 1 << 62, Record: events.Record{Session: session, Event: &events.SessionReady{User: fmt.Sprint("user ", session), Program: strings.Repeat("p", 300)}}}}
	err := l.Append(ctx, list)
	if err == nil {
		for old := l.acked.Load(); old < list[0].Record.Sequence && !l.acked.CompareAndSwap(old, list[0].Record.Sequence); old = l.acked.Load() {
		}
	}
	return err
}

// backup backs the log up over a stream, as a server elsewhere does, or with links.
func (l *smallLog) backup(dir string, link bool) (*storage.BackupResult, error) {
	return l.backupThrough(dir, link, func(r io.Reader) io.Reader { return r })
}

func (l *smallLog) backupThrough(dir string, link bool, through func(io.Reader) io.Reader) (result *storage.BackupResult, err error) {
	source := ""
	if link {
		source = l.folder
	}
	b, err := storage.OpenBackup(l.t.Context(), dir, source, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if link {
		if err := b.Link(l.folder); err != nil {
			return nil, err
		}
	}
	from, seal := b.Have()
	reader, writer := io.Pipe()
	var sending sync.WaitGroup
	sending.Go(func() {
		_, err := l.Backup(l.t.Context(), writer, storage.BackupRequest{From: from, Seal: seal})
		writer.CloseWithError(err)
	})
	result, err = b.Receive(through(reader))
	reader.CloseWithError(io.ErrClosedPipe)
	sending.Wait()
	return result, err
}

// recordsOf reads all records of the log in a folder.
func recordsOf(t *testing.T, folder string) []events.Record {
	t.Helper()
	var all []events.Record
	head, _, err := storage.ReadStored(t.Context(), folder, nil, func(sequence uint64, stored []byte) error {
		r, err := new(events.Coder).Decode(sequence, bytes.Clone(stored))
		all = append(all, r)
		return err
	})
	check(t, err)
	if head.Sequence != uint64(len(all)) {
		t.Fatalf("%s: %d of %d records were read", folder, len(all), head.Sequence)
	}
	return all
}

// sameAsLog fails unless a backup verifies by itself, and has the log's own records, at least up
// to a sequence.
func (l *smallLog) sameAsLog(dir string, atLeast uint64) {
	l.t.Helper()
	v, err := storage.Verify(l.t.Context(), filepath.Join(dir, "log"), nil)
	check(l.t, err)
	if len(v.Faults) > 0 {
		l.t.Fatalf("the backup has faults: %v", v.Faults)
	}
	mark, err := storage.ReadBackupMark(dir)
	check(l.t, err)
	if err := mark.Check(v.Head.Sequence); err != nil || mark.Sequence < atLeast {
		l.t.Fatalf("the backup says %+v, want record %d at least; %v", mark, atLeast, err)
	}
	got := recordsOf(l.t, filepath.Join(dir, "log"))
	want := make([]events.Record, len(got))
	n, err := l.Read(0, want)
	check(l.t, err)
	if n != len(got) || !reflect.DeepEqual(got, want) {
		l.t.Fatalf("the backup has %d records, which are not the log's first", len(got))
	}
}

// TestBackup backs a log up again and again while it is appended to, with links and over a
// stream: each backup has what was acknowledged before it, and copies no segment twice.
func TestBackup(t *testing.T) {
	t.Parallel()
	for _, link := range []bool{true, false} {
		t.Run(fmt.Sprint("link ", link), func(t *testing.T) {
			t.Parallel()
			l := newSmallLog(t, 64<<10)
			dir := filepath.Join(t.TempDir(), "backup")
			made, err := l.backup(dir, link)
			check(t, err)
			if made.Sequence != 0 || !made.Complete {
				t.Errorf("of an empty log: %+v", made)
			}
			l.put(300)
			ctx, stop := context.WithCancel(t.Context())
			var appending sync.WaitGroup
			for range 4 {
				appending.Go(func() {
					for ctx.Err() == nil {
						if err := l.add(ctx); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
					}
				})
			}
			sealed := 0
			for range 12 {
				before := l.acked.Load()
				made, err := l.backup(dir, link)
				check(t, err)
				l.sameAsLog(dir, before)
				if made.Kept < sealed || !link && made.Linked > 0 {
					t.Errorf("%d segments were there, and it is %+v", sealed, made)
				}
				sealed = made.Kept + made.Linked + made.Copied
			}
			stop()
			appending.Wait()
			if sealed < 3 {
				t.Errorf("only %d segments were sealed: the test shows nothing", sealed)
			}
			made, err = l.backup(dir, link)
			check(t, err)
			l.sameAsLog(dir, l.acked.Load())
			again, err := l.backup(dir, link)
			check(t, err)
			if again.Linked+again.Copied+again.Damaged != 0 || again.Sequence != made.Sequence {
				t.Errorf("nothing was appended, and it is %+v", again)
			}
		})
	}
}

// TestBackupIsCut cuts the stream of a backup anywhere: it fails, what is there stays a log, and
// the next one goes on.
func TestBackupIsCut(t *testing.T) {
	t.Parallel()
	l := newSmallLog(t, 64<<10)
	l.put(500)
	var whole bytes.Buffer
	_, err := l.Backup(t.Context(), &whole, storage.BackupRequest{})
	check(t, err)
	dir := filepath.Join(t.TempDir(), "backup")
	kept := 0
	for n := range 40 {
		// The rest of it is smaller than all of it was.
		cut := &io.LimitedReader{N: rand.Int64N(int64(whole.Len()) >> (n / 10))}
		_, err := l.backupThrough(dir, false, func(r io.Reader) io.Reader { cut.R = r; return cut })
		if err == nil && cut.N > 0 {
			break // it was not cut
		}
		if err == nil {
			t.Fatal("it was cut, and it says that it is complete")
		}
		b, err := storage.OpenBackup(t.Context(), dir, "", nil)
		check(t, err)
		from, _ := b.Have()
		check(t, b.Close())
		if from > 1 {
			kept++
		}
		if mark, err := storage.ReadBackupMark(dir); err == nil && (mark.Complete || mark.Check(1<<40) == nil) {
			t.Fatalf("it was cut %d times, and says %+v", n+1, mark)
		}
	}
	if kept == 0 {
		t.Error("no segment was kept")
	}
	made, err := l.backup(dir, false)
	check(t, err)
	if made.Kept == 0 {
		t.Errorf("it began anew: %+v", made)
	}
	l.sameAsLog(dir, l.acked.Load())
	// An incremental one that is cut leaves the one before, or more.
	before := l.acked.Load()
	l.put(200)
	for range 20 {
		if _, err := l.backupThrough(dir, false, func(r io.Reader) io.Reader { return io.LimitReader(r, 1+rand.Int64N(100_000)) }); err != nil {
			l.sameAsLog(dir, before)
		}
	}
}

// TestBackupRefuses backs up into folders that have something else.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	l, other := newSmallLog(t, 64<<10), newSmallLog(t, 64<<10)
	l.put(400)
	other.put(400)
	dir := filepath.Join(t.TempDir(), "backup")
	_, err := l.backup(dir, false)
	check(t, err)
	want := func(what string, err error, text string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v, want %q in it", what, err, text)
		}
		l.sameAsLog(dir, 400)
	}
	for _, link := range []bool{true, false} {
		_, err = other.backup(dir, link)
		want("another log", err, "of another log")
	}
	// The log is restored from an older copy, and goes another way.
	older := filepath.Join(t.TempDir(), "older", "log")
	check(t, os.Mkdir(filepath.Dir(older), 0o700), os.CopyFS(older, os.DirFS(l.folder)))
	l.put(300)
	_, err = l.backup(dir, false)
	check(t, err)
	rolled := openSmallLog(t, older, 64<<10)
	_, err = rolled.backup(dir, false)
	want("an older copy", err, "restored from an older copy")
	rolled.put(1000)
	for _, link := range []bool{true, false} {
		_, err = rolled.backup(dir, link)
		want("another history", err, "another history")
	}
	foreign := t.TempDir()
	check(t, os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o600))
	_, err = l.backup(foreign, false)
	want("a folder with other files", err, "letter.txt is in it")
	_, err = l.backup(filepath.Join(foreign, "none", "backup"), false)
	want("a folder in none", err, "no such file")
	_, err = l.backup(filepath.Join(foreign, "letter.txt"), false)
	want("a file", err, "not a directory")
	release := takenElsewhere(t, "folder", dir)
	_, err = l.backup(dir, false)
	want("a backup that is being made", err, "in use")
	release()
}

// TestBackupMendsItself damages a segment of a backup: the next one notices, and copies it again.
func TestBackupMendsItself(t *testing.T) {
	t.Parallel()
	l := newSmallLog(t, 64<<10)
	l.put(600)
	dir := filepath.Join(t.TempDir(), "backup")
	made, err := l.backup(dir, false)
	check(t, err)
	segments := segmentsOf(t, filepath.Join(dir, "log"))
	if made.Copied < 3 {
		t.Fatalf("only %d segments are sealed", made.Copied)
	}
	b, err := os.ReadFile(segments[1])
	check(t, err)
	damaged := bytes.ReplaceAll(b, []byte("pppppppp"), []byte("pppqpppp"))
	check(t, os.WriteFile(segments[1], damaged, 0o600))
	made, err = l.backup(dir, false)
	check(t, err)
	if made.Damaged != 1 || made.Kept != 1 || made.Copied != len(segments)-2 {
		t.Errorf("it says %+v", made)
	}
	l.sameAsLog(dir, 600)
	check(t, os.Remove(segments[0]))
	_, err = l.backup(dir, false)
	check(t, err)
	l.sameAsLog(dir, 600)
	// A damaged segment of the log does not replace a whole one.
	l2 := newSmallLog(t, 64<<10)
	l2.put(600)
	own := segmentsOf(t, l2.folder)
	b, err = os.ReadFile(own[1])
	check(t, err)
	check(t, os.WriteFile(own[1], bytes.ReplaceAll(b, []byte("pppppppp"), []byte("pppqpppp")), 0o600))
	for _, link := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "backup")
		if _, err := l2.backup(dir, link); err == nil || !strings.Contains(err.Error(), "log/"+filepath.Base(own[1])+" is damaged at record ") {
			t.Errorf("the log is damaged, and the backup says %v", err)
		}
	}
}

// TestBackupElsewhere backs up onto another file system, where nothing can be linked, and which is
// full at first.
func TestBackupElsewhere(t *testing.T) {
	t.Parallel()
	l := newSmallLog(t, 64<<10)
	l.put(800)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small disk cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(disk, 0)) })
	ballast := filepath.Join(disk, "ballast")
	dir := filepath.Join(disk, "backup")
	for _, free := range []int{0, 4 << 10, 100 << 10, 300 << 10, 600 << 10} {
		check(t, os.WriteFile(ballast, make([]byte, 24<<20-free), 0o600))
		for _, link := range []bool{true, false} {
			if _, err := l.backup(dir, link); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("%d bytes are free: got %v", free, err)
			}
		}
		check(t, os.Remove(ballast))
	}
	made, err := l.backup(dir, true)
	check(t, err)
	if made.Linked > 0 {
		t.Errorf("it says %+v", made)
	}
	l.sameAsLog(dir, 800)
	l.put(100)
	check(t, unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if _, err := l.backup(dir, true); !errors.Is(err, unix.EROFS) {
		t.Errorf("the disk is read-only: got %v", err)
	}
	l.isWhole(dir)
	check(t, unix.Mount("", disk, "", unix.MS_REMOUNT, ""))
	_, err = l.backup(dir, true)
	check(t, err)
	l.sameAsLog(dir, 900)
}

// isWhole verifies a backup without opening it for writing.
func (l *smallLog) isWhole(dir string) {
	l.t.Helper()
	v, err := storage.Verify(l.t.Context(), filepath.Join(dir, "log"), nil)
	if err != nil || len(v.Faults) > 0 {
		l.t.Errorf("the backup has faults: %v %v", v.Faults, err)
	}
}

// TestBackupHoldsNoTransaction stops reading a backup in the middle: appends go on, and the file
// of the newest segment reuses its pages as if nobody read it.
func TestBackupHoldsNoTransaction(t *testing.T) {
	t.Parallel()
	l := newSmallLog(t, 1<<30)
	l.put(100)
	reader, writer := io.Pipe()
	var sending sync.WaitGroup
	sending.Go(func() {
		_, err := l.Backup(t.Context(), writer, storage.BackupRequest{})
		writer.CloseWithError(err)
	})
	_, err := io.ReadFull(reader, make([]byte, 600)) // and no more for now
	check(t, err)
	// A transaction would keep the pages that each commit replaces.
	l.put(1500)
	info, err := l.Describe()
	check(t, err)
	if size := info.Segments[0].Bytes; size > 17<<20 {
		t.Errorf("the segment has grown to %d bytes while the client is slow", size)
	}
	_, err = io.Copy(io.Discard, reader)
	check(t, err)
	sending.Wait()
}
