package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook"
	"gatebook/storage"
)

// movePrefix makes the workload one that moves a book: it backs up the folder original, beside the
// one that it is given, into the folder backup, and restores that to the folder data.
const movePrefix = "move"

// move backs a book up and restores it, and prints what it has done.
func move(ctx context.Context, folder string) error {
	original, backup := filepath.Join(filepath.Dir(folder), "original"), filepath.Join(folder, "backup")
	if err := backUp(ctx, original, backup); err != nil {
		return err
	}
	if _, err := fmt.Println("did backup"); err != nil {
		return err
	}
	if err := restore(ctx, folder); err != nil {
		return err
	}
	_, err := fmt.Println("did restore")
	return err
}

func backUp(ctx context.Context, original, backup string) (err error) {
	from, err := storage.LockExisting(original)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Unlock()) }()
	to, err := storage.OpenBackup(ctx, backup, "", nil)
	if err != nil {
		return err
	}
	have, seal := to.Have()
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := gatebook.Backup(ctx, from, writer, gatebook.BackupOptions{From: have, Seal: seal})
		sent <- errors.Join(err, writer.CloseWithError(err))
	}()
	_, err = to.Receive(reader)
	return errors.Join(err, reader.Close(), <-sent, to.Close())
}

func restore(ctx context.Context, folder string) error {
	_, err := gatebook.Restore(ctx, filepath.Join(folder, "backup"), filepath.Join(folder, "data"), gatebook.RestoreOptions{By: "dba", Options: options()})
	return err
}

// movement is a book to move, and what was recorded in it.
type movement struct {
	original string
	progress *progress
}

func newMovement(t *testing.T) *movement {
	t.Helper()
	m := &movement{original: filepath.Join(diskFolder(t), "original"), progress: newProgress()}
	if err := run(workload(t, m.original, "", 15), m.progress); err != nil {
		t.Fatal(err)
	}
	if len(m.progress.done) != 15*producers*rounds {
		t.Fatalf("%d sessions were recorded", len(m.progress.done))
	}
	return m
}

// check backs up and restores again what a fault has interrupted, and checks the book that was
// restored. What the program said that it had done is done.
func (m *movement) check(ctx context.Context, folder, said string) error {
	if !strings.HasSuffix(said, "did restore\n") {
		if !strings.HasSuffix(said, "did backup\n") {
			if err := backUp(ctx, m.original, filepath.Join(folder, "backup")); err != nil {
				return fmt.Errorf("back up again: %w", err)
			}
		}
		// One that had finished could not say so.
		if err := restore(ctx, folder); err != nil && !strings.Contains(err.Error(), "is not empty") {
			return fmt.Errorf("restore again: %w", err)
		}
	}
	return m.progress.check(ctx, filepath.Join(folder, "data"))
}

// TestMovementLosesPower loses the power while a book is backed up and restored.
func TestMovementLosesPower(t *testing.T) {
	t.Parallel()
	m := newMovement(t)
	folder := filepath.Join(filepath.Dir(m.original), "moved")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	said := ""
	trace := traced(t, workload(t, folder, movePrefix, 0))
	keep := func(line string) {
		if line != "" {
			said = line
		}
	}
	losePower(t, trace, folder, movesCrashed, keep, func(crashed string) error { return m.check(t.Context(), crashed, said) })
}

// Each opening of a file, of a thread's first ones, is made to fail once, and then calls at random.
const firstOpening, lastOpening = 4, 24

// TestMovementFails makes system calls fail while a book is backed up and restored, and kills the
// program before one.
func TestMovementFails(t *testing.T) {
	t.Parallel()
	m := newMovement(t)
	folder := filepath.Join(filepath.Dir(m.original), "moved")
	for i := range lastOpening - firstOpening + movesFailed {
		if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
			t.Fatal(err)
		}
		fault := []string{"error=EIO", "error=ENOSPC", "signal=SIGKILL"}[i%3]
		inject := fmt.Sprintf("inject=%s:%s:when=%d", changing[rand.IntN(len(changing))], fault, 1+rand.IntN(40))
		if n := firstOpening + i; n < lastOpening {
			inject = fmt.Sprintf("inject=openat:error=EMFILE:when=%d", n)
		}
		child := underStrace(t, workload(t, folder, movePrefix, 0), "-f", "-o", os.DevNull, "-e", inject)
		said, err := output(child)
		if err == nil {
			err = m.check(t.Context(), folder, said)
		}
		if err != nil {
			t.Fatalf("%s: %v", inject, err)
		}
	}
}
