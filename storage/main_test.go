package storage_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gatebook/storage"
)

// childVariable gives the work of the other process in a test.
const childVariable = "GATEBOOK_STORAGE_TEST_CHILD"

func TestMain(m *testing.M) {
	if work, path, child := strings.Cut(os.Getenv(childVariable), " "); child {
		if err := beChild(work, path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// beChild takes the file or folder at path, prints a line, and keeps it until its input
// ends.
func beChild(work, path string) error {
	var release func() error
	switch work {
	case "create":
		return storage.CreateBolt(path)
	case "log":
		log, err := storage.OpenBolt(path, storage.BoltOptions{})
		if err != nil {
			return err
		}
		release = log.Close
	case "book":
		archive, err := storage.OpenArchive(path, [16]byte{}, nil)
		if err != nil {
			return err
		}
		release = archive.Close
	case "folder":
		folder, err := storage.LockFolder(path)
		if err != nil {
			return err
		}
		release = folder.Unlock
	default:
		return fmt.Errorf("no work %q", work)
	}
	if _, err := fmt.Println("taken"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, release())
}

// takenElsewhere has another process take the file or folder at path until the returned
// function is called.
func takenElsewhere(t *testing.T, work, path string) (release func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childVariable+"="+work+" "+path)
	child.Stderr = os.Stderr
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len("taken\n"))
	if _, err := io.ReadFull(output, said); err != nil || string(said) != "taken\n" {
		t.Fatalf("the other process said %q, with error %v", said, err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(input.Close(), child.Wait()); err != nil {
			t.Errorf("the other process: %v", err)
		}
	}
}
