package faults_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// fileSystem is a small file system of its own, in a file or in memory.
type fileSystem struct {
	name string
	// image is where the file system lies, "" for one in memory; folder is where it is mounted.
	image, folder string
}

// newFileSystem makes a file system and mounts it.
func newFileSystem(t *testing.T, name string, megabytes int64) *fileSystem {
	t.Helper()
	f := &fileSystem{name: name, folder: t.TempDir()}
	if name != "tmpfs" {
		f.image = filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(f.image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(f.image, megabytes<<20); err != nil {
			t.Fatal(err)
		}
		if output, err := exec.CommandContext(t.Context(), "mkfs."+name, "-q", f.image).CombinedOutput(); err != nil {
			t.Fatalf("mkfs.%s: %v: %s", name, err, output)
		}
	}
	if err := f.mount(megabytes); err != nil {
		t.Skipf("a file system cannot be mounted, which takes root and a loop device: %v", err)
	}
	t.Cleanup(func() {
		if err := f.unmount(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fileSystem) mount(megabytes int64) error {
	args := []string{"-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "tmpfs", f.folder}
	if f.image != "" {
		args = []string{"-o", "loop", f.image, f.folder}
	}
	if output, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mount %s: %w: %s", f.name, err, output)
	}
	return nil
}

func (f *fileSystem) unmount() error { return unix.Unmount(f.folder, 0) }

// stop makes the file system stop as if the power was lost: what is in memory never reaches
// the disk. The call is FS_IOC_SHUTDOWN of Linux' ext4 and xfs, without flushing their log.
func (f *fileSystem) stop() (err error) {
	const shutdown, noFlush = 0x8004587d, 2
	folder, err := os.Open(f.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	return unix.IoctlSetPointerInt(int(folder.Fd()), shutdown, noFlush)
}

// TestFileSystemStops stops real file systems while a program records sessions, mounts them
// again, which replays their journals, and checks the book that is left.
func TestFileSystemStops(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ext4", "xfs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFileSystem(t, name, 320)
			for i := range downs {
				folder, done := filepath.Join(f.folder, fmt.Sprint("data", i)), newProgress()
				if err := f.stopAfter(t, workload(t, folder, "", 30), 1+rand.IntN(400), done); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(f.unmount(), f.mount(0)); err != nil {
					t.Fatal(err)
				}
				if err := done.check(t.Context(), folder); err != nil {
					t.Fatalf("after %d steps: %v", len(done.tried), err)
				}
			}
		})
	}
}

// stopAfter stops the file system when the workload has printed n lines, and waits for the
// workload's end.
func (f *fileSystem) stopAfter(t *testing.T, child *exec.Cmd, n int, done *progress) (err error) {
	t.Helper()
	output, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		return err
	}
	lines := bufio.NewReader(output)
	for ; n > 0 && err == nil; n-- {
		var line string
		line, err = lines.ReadString('\n')
		done.read(line)
	}
	stopped := f.stop()
	// What is acknowledged from here on was synced before the file system stopped.
	rest, err := io.ReadAll(lines)
	done.read(string(rest))
	err = errors.Join(stopped, err)
	if _, ended := errors.AsType[*exec.ExitError](child.Wait()); !ended && err == nil {
		return nil // it had ended before
	}
	return err
}

// TestFileSystemIsFull fills file systems with sessions, checks a copy of what is left, makes
// room and goes on.
func TestFileSystemIsFull(t *testing.T) {
	t.Parallel()
	for name, megabytes := range map[string]int64{"ext4": 8, "xfs": 320, "tmpfs": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, done := newFileSystem(t, name, megabytes), newProgress()
			ballast, err := fill(f.folder, 1<<20+rand.Int64N(1<<19))
			if err != nil {
				t.Fatal(err)
			}
			folder, copied := filepath.Join(f.folder, "data"), filepath.Join(t.TempDir(), "data")
			child := workload(t, folder, "full", 1500)
			if err := run(child, done); err != nil {
				t.Fatal(err)
			}
			if child.ProcessState.Success() {
				t.Fatal("the disk was not full")
			}
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			if err := done.check(t.Context(), copied); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			child = workload(t, folder, "room", 10)
			if err := run(child, done); err != nil {
				t.Fatal(err)
			}
			if !child.ProcessState.Success() {
				t.Error("it does not go on when there is room")
			}
			if err := done.check(t.Context(), folder); err != nil {
				t.Error(err)
			}
		})
	}
}

// fill fills a file system up to some free bytes, and returns the file to remove.
func fill(folder string, free int64) (path string, err error) {
	path = filepath.Join(folder, "ballast")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return "", err
	}
	return path, unix.Fallocate(int(f.Fd()), 0, 0, int64(s.Bavail)*s.Bsize-free)
}

// TestReadOnlyFileSystem makes a file system read-only under a program that records sessions,
// as ext4 does by itself after an error of the disk.
func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	f, done := newFileSystem(t, "ext4", 32), newProgress()
	folder, copied := filepath.Join(f.folder, "data"), filepath.Join(t.TempDir(), "data")
	child := workload(t, folder, "", 3000)
	output, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for n := 0; lines.Scan(); n++ {
		done.read(lines.Text() + "\n")
		if n != 200 {
			continue
		}
		if err := unix.Mount("", f.folder, "", unix.MS_REMOUNT, "abort"); err != nil {
			t.Error(err)
		}
	}
	if err := child.Wait(); err == nil || lines.Err() != nil {
		t.Errorf("the program ended with %v, its output with %v", err, lines.Err())
	}
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := done.check(t.Context(), copied); err != nil {
		t.Error(err)
	}
}
