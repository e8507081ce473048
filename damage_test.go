package gatebook

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// TestFaults has faults met, and the log read through meanwhile and later.
func TestFaults(t *testing.T) {
	t.Parallel()
	var reported []string
	f := &faults{report: func(err error) {
		damage, _ := errors.AsType[*storage.CorruptError](err)
		reported = append(reported, damage.File)
	}}
	of := func(file string, sequence uint64) *storage.CorruptError {
		return &storage.CorruptError{File: file, Sequence: sequence, Err: io.ErrUnexpectedEOF}
	}
	expect := func(what string, n int, first string, reports ...string) {
		t.Helper()
		got, damage := f.read()
		file := ""
		if fault, ok := errors.AsType[*storage.CorruptError](damage); ok {
			file = fault.File
		}
		if got != n || file != first || !slices.Equal(reported, reports) {
			t.Errorf("%s: %d faults, the first of %q, reported %q; want %d, %q, %q", what, got, file, reported, n, first, reports)
		}
	}
	expect("nothing", 0, "")
	f.meet(of("a", 7))
	f.meet(of("a", 7))
	f.meet(of("a", 8))
	expect("met at two records of one file", 1, "a", "a")
	end := f.begin()
	f.meet(of("b", 20))
	end(nil, true)
	expect("met while the log was read through", 1, "b", "a", "b")
	f.begin()([]*storage.CorruptError{of("b", 20), of("b", 21), of("c", 30)}, true)
	expect("read through", 3, "b", "a", "b", "c")
	f.meet(of("c", 30))
	expect("met again", 3, "b", "a", "b", "c")
	f.begin()(nil, true)
	expect("mended", 0, "", "a", "b", "c")
	f.meet(of("a", 7))
	expect("damaged again", 1, "a", "a", "b", "c", "a")
	slow, broken := f.begin(), f.begin()
	f.begin()(nil, true)
	broken([]*storage.CorruptError{of("a", 7)}, false)
	slow([]*storage.CorruptError{of("a", 7)}, true)
	expect("found by readings that began before it was mended", 0, "", "a", "b", "c", "a")
	f.begin()([]*storage.CorruptError{of("b", 20)}, false)
	expect("found by a reading that was broken off", 1, "b", "a", "b", "c", "a", "b")
}

// failingWriter writes nothing.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// TestNoDamage has reads fail for other reasons than damage of the log: the log is not said to be
// damaged then.
func TestNoDamage(t *testing.T) {
	t.Parallel()
	r, folder := lostSession(t, Options{ScrubPeriod: -1})
	ended, end := context.WithCancel(t.Context())
	end()
	expect := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if damage := r.Damage(); damage != nil {
			t.Errorf("%s is taken for damage: %v", what, damage)
		}
	}
	_, err := r.Verify(ended, nil)
	expect("a verification that is ended", err, context.Canceled)
	_, err = r.Verify(t.Context(), func(int64, int64) error { return syscall.ENOSPC })
	expect("a verification whose pace fails", err, syscall.ENOSPC)
	_, err = r.Backup(ended, io.Discard, BackupOptions{})
	expect("a backup that is ended", err, context.Canceled)
	_, err = r.Backup(t.Context(), failingWriter{syscall.ENOSPC}, BackupOptions{})
	expect("a backup to a full disk", err, syscall.ENOSPC)
	_, err = r.StoredRecord(1 << 40)
	expect("a record that is not there", err, ErrNotFound)
	_, _, err = r.SessionAsOf(1, 1<<40)
	expect("a read of the future", err, ErrInvalid)
	v, err := r.Verify(t.Context(), nil, HeadClaim{Name: "other", Signed: []byte("no head")})
	expect("a claim that is no head", err, nil)
	if len(v.Claims) == 0 || v.Claims[0].Err == nil {
		t.Errorf("the claim is %+v", v.Claims)
	}

	damageArchive(t, folder)
	damaged := r.archive.Damaged()
	_, _, err = r.Session(1)
	expect("an archive that is made again", err, ErrRebuilding)
	<-damaged
	awaitArchive(t, r)
	expect("an archive that was made again", nil, nil)

	proofs, log := r.Proofs, r.log
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = proofs.StoredRecord(1)
	expect("a proof of a closed log", err, ErrClosed)
	_, err = log.Read(0, make([]events.Record, 1))
	expect("a read of a closed log", err, ErrClosed)
}

// TestClaimIsNoDamage verifies a log with a head of another history of it, as after a restore: that is a
// fault of what was asked for, and the log itself is whole.
func TestClaimIsNoDamage(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := filepath.Join(folder, "first")
	openWith := func(path, source string) *Registry {
		t.Helper()
		r, err := Open(t.Context(), path, Options{ScrubPeriod: -1})
		if err == nil {
			_, err = r.StartSource(t.Context(), SourceOptions{Name: source})
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := openWith(first, "gateway").Close(); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(folder, "second")
	if err := os.CopyFS(second, os.DirFS(first)); err != nil {
		t.Fatal(err)
	}
	lost := openWith(first, "lost")
	err := lost.signed.Sign()
	head, _ := lost.Heads()
	if err = errors.Join(err, lost.Close()); err != nil {
		t.Fatal(err)
	}
	r := openWith(second, "other")
	v, err := r.Verify(t.Context(), nil, HeadClaim{Name: "kept", Signed: head.Signed})
	if err != nil || len(v.Faults) != 1 || v.Faults[0].File != "kept" {
		t.Errorf("verifying finds %v, %v", v.Faults, err)
	}
	if damage := r.Damage(); damage != nil {
		t.Errorf("the log is said to be damaged: %v", damage)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}
