package gatebook

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/projection"
)

// damageArchive changes a byte in every 64 of book.db, but for the first two pages, whose
// damage is noticed by itself.
func damageArchive(t *testing.T, folder string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(folder, "book.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(2 * 4096); at < info.Size(); at += 64 {
		if _, err := f.WriteAt([]byte{1}, at+40); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// lostSession returns a registry whose first session is lost, and has left memory.
func lostSession(t *testing.T, o Options) (*Registry, string) {
	t.Helper()
	running, folder := t.TempDir(), filepath.Join(t.TempDir(), "data")
	crashed, err := Open(t.Context(), running, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := crashed.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err == nil {
		_, err = s.Open(t.Context(), events.SessionOpened{Service: "orders"})
	}
	if err == nil {
		err = os.CopyFS(folder, os.DirFS(running)) // as if it were killed now
	}
	if err = errors.Join(err, crashed.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), folder, o)
	if err == nil {
		err = r.Save()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if v, _, err := r.Session(1); err != nil || v.Status != projection.Lost || r.state.Lookup(1) != nil {
		t.Fatalf("the session is %s with error %v, want one that is lost; in memory: %v", v.Status, err, r.state.Lookup(1) != nil)
	}
	return r, folder
}

// awaitArchive waits until the archive has been made again, and returns the first session. That
// can be in memory before.
func awaitArchive(t *testing.T, r *Registry) (v projection.View) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		v, _, err := r.Session(1)
		if err == nil && r.archive.Damage() == nil {
			return v
		}
		if err != nil && !errors.Is(err, ErrRebuilding) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestRemovedArchive removes the archive of a running registry, and puts another file in its place.
// The next checkpoint makes it again.
func TestRemovedArchive(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(path string) error{
		"removed": os.Remove,
		"replaced": func(path string) error {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(path+".copy", content, 0o600), os.Rename(path+".copy", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, folder := lostSession(t, Options{})
			before, err := os.Stat(filepath.Join(folder, "book.db"))
			if err == nil {
				err = move(filepath.Join(folder, "book.db"))
			}
			if err != nil {
				t.Fatal(err)
			}
			damaged := r.archive.Damaged()
			if s, err := r.StartSource(t.Context(), SourceOptions{Name: "other"}); err != nil {
				t.Fatal(err)
			} else if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
				t.Fatal(err)
			}
			if err := r.Save(); !errors.Is(err, ErrRebuilding) {
				t.Errorf("a checkpoint into a file that is gone: %v", err)
			}
			select {
			case <-damaged:
			default:
				t.Fatal("it was not noticed")
			}
			awaitArchive(t, r)
			after, err := os.Stat(filepath.Join(folder, "book.db"))
			if err != nil || os.SameFile(before, after) {
				t.Errorf("it was not made again: %v", err)
			}
		})
	}
}

// TestDamageBetweenDecisionAndRecord notices damage of the archive when the end of a lost
// session was decided and committed, and is not applied yet. It is applied, and the log goes on.
func TestDamageBetweenDecisionAndRecord(t *testing.T) {
	t.Parallel()
	var committed atomic.Pointer[func()]
	r, folder := lostSession(t, Options{Committed: func(int, time.Duration) {
		if f := committed.Swap(nil); f != nil {
			(*f)()
		}
	}})
	damage := func() {
		damageArchive(t, folder)
		if _, err := r.reader.Lookup(1); !errors.Is(err, ErrRebuilding) {
			t.Errorf("a look-up in the damaged archive: got %v, want ErrRebuilding", err)
		}
	}
	committed.Store(&damage)
	if err := r.journal.Append(t.Context(), journal.One(1, &events.SessionClosed{Reason: events.ReasonClientClosed})); err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "other"})
	if err == nil {
		_, err = s.Open(t.Context(), events.SessionOpened{Service: "orders"})
	}
	if err != nil {
		t.Fatalf("after it the log takes nothing: %v", err)
	}
	if v := awaitArchive(t, r); v.Status != projection.Closed {
		t.Errorf("the session is %s, want closed", v.Status)
	}
}

// TestMemoryWhileTheArchiveIsMadeAgain ends sessions while the archive is made again. Once
// there are many, they leave memory, and the new archive has them.
func TestMemoryWhileTheArchiveIsMadeAgain(t *testing.T) {
	t.Parallel()
	r, folder := lostSession(t, Options{})
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	end := func() {
		id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"})
		if err == nil {
			err = s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// The registry's own healer is held up, so that another one can be looked at.
	const backlog = 40
	h := r.healer()
	h.path, h.backlog = filepath.Join(folder, "other.again"), backlog
	h.checkpoints.suspend()
	for range 3 * backlog {
		end()
	}
	if got := len(r.state.Checkpoint().Rows()); got < 3*backlog {
		t.Fatalf("%d rows are in memory before, want all of the sessions that ended", got)
	}
	if err := h.heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.checkpoints.behind(); got > backlog {
		t.Errorf("%d records are only in memory, want at most %d", got, backlog)
	}
	for id := uint64(1); id <= 3*backlog+1; id++ {
		if v, _, err := r.Session(id); err != nil || v.Status == projection.Live {
			t.Errorf("session %d is %v with error %v, want ended", id, v, err)
		}
	}
}

// TestOlderArchiveUnderARunningRegistry puts an older state of book.db under a running registry:
// by a copy over the file, or by a bit in its newer meta page, for which bbolt reads the one
// before. No answer is of that state, a report that is sent again is not recorded twice, and the
// archive is made again.
func TestOlderArchiveUnderARunningRegistry(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(t *testing.T, book string, older []byte){
		"an older copy":    func(t *testing.T, book string, older []byte) { writeAt(t, book, older, 0) },
		"older meta pages": func(t *testing.T, book string, older []byte) { writeAt(t, book, older[:2*4096], 0) },
		"a bit in the newer meta page": func(t *testing.T, book string, _ []byte) {
			now, err := os.ReadFile(book)
			if err != nil {
				t.Fatal(err)
			}
			newer := 0
			const txid = 16 + 48 // of a meta page
			if binary.LittleEndian.Uint64(now[4096+txid:]) > binary.LittleEndian.Uint64(now[txid:]) {
				newer = 4096
			}
			writeAt(t, book, []byte{now[newer+40] ^ 1}, int64(newer+40))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			r, err := Open(t.Context(), folder, trialOptions())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var older []byte
			const half, all = 20, 40
			for i := range all {
				if _, err := r.Report(t.Context(), trialReport(i)); err != nil {
					t.Fatal(err)
				}
				if i == half || i == all-1 {
					if err := r.Save(); err != nil {
						t.Fatal(err)
					}
				}
				if i == half {
					older = usedPages(t, filepath.Join(folder, "book.db"))
				}
			}
			before := r.Moment().Sequence
			put(t, filepath.Join(folder, "book.db"), older)
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				l, err := r.Sessions(Query{Closed: true, Lost: true})
				n := 0
				if err == nil {
					for _, failed := range l.All() {
						if err = failed; err != nil {
							break
						}
						n++
					}
				}
				if err == nil {
					if n != all {
						t.Fatalf("%d sessions are listed, want %d", n, all)
					}
					break
				}
				if !errors.Is(err, ErrRebuilding) || time.Now().After(deadline) {
					t.Fatal(err)
				}
			}
			if _, err := r.Report(t.Context(), trialReport(all-1)); err != nil {
				t.Fatal(err)
			}
			if now := r.Moment().Sequence; now != before {
				t.Errorf("a report that was sent again added %d records", now-before)
			}
		})
	}
}

// writeAt writes into a file.
func writeAt(t *testing.T, path string, b []byte, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestArchiveThatCannotBeMadeAgain keeps a damaged archive from being made again. The registry
// says so for as long as that is the case.
func TestArchiveThatCannotBeMadeAgain(t *testing.T) {
	t.Parallel()
	r, folder := lostSession(t, Options{})
	if err := os.MkdirAll(filepath.Join(folder, "book.db.again", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.Damage(); err != nil {
		t.Fatalf("before: %v", err)
	}
	damageArchive(t, folder)
	if _, _, err := r.Session(1); !errors.Is(err, ErrRebuilding) {
		t.Fatalf("an ended session: got %v, want ErrRebuilding", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, failed := errors.AsType[*HealError](r.Damage()); failed {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry says %v, want a HealError", r.Damage())
		}
	}
}

// TestStopWithDamagedArchive stops a registry whose archive is damaged, which nobody has noticed: the
// last checkpoint meets it. The stop has not failed.
func TestStopWithDamagedArchive(t *testing.T) {
	t.Parallel()
	reported := make(chan error, 10)
	r, folder := lostSession(t, Options{ScrubPeriod: -1, Report: func(err error) { reported <- err }})
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "other"})
	if err == nil {
		_, err = s.Open(t.Context(), events.SessionOpened{Service: "orders"})
	}
	if err != nil {
		t.Fatal(err)
	}
	damageArchive(t, folder)
	if err := r.Close(); err != nil {
		t.Errorf("the stop failed: %v", err)
	}
	for {
		select {
		case err := <-reported:
			if errors.Is(err, ErrRebuilding) {
				return
			}
		default:
			t.Fatal("that there is no last checkpoint was not reported")
		}
	}
}
