package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// onDisk returns how many bytes of the disk the files of a folder take.
func onDisk(t *testing.T, folder string) (bytes int64) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err == nil {
			bytes += 512 * info.Sys().(*syscall.Stat_t).Blocks
		}
		return err
	}))
	return bytes
}

// TestCopiesKeepHoles copies a log whose segments have room that takes nothing of the disk, by a restore, over
// the network and onto another file system: it takes nothing in the copy either.
func TestCopiesKeepHoles(t *testing.T) {
	t.Parallel()
	data, room := newSegments(t), t.TempDir()
	segments, err := filepath.Glob(filepath.Join(data, "log", "*.db"))
	must(t, err)
	for _, s := range segments {
		info, err := os.Stat(s)
		must(t, err, os.Truncate(s, info.Size()+16<<20))
	}
	own := onDisk(t, filepath.Join(data, "log"))
	linked, fetched, restored := filepath.Join(room, "linked"), filepath.Join(room, "fetched"), filepath.Join(room, "restored")
	mustRun(t, "backup", linked, "--data", data)
	mustRun(t, "restore", linked, "--data", restored)
	p := serve(t, "--data", data)
	mustRun(t, "backup", fetched, "--url", p.api)
	other, err := os.MkdirTemp("/dev/shm", "gatebook-holes") // where the file system is another, the segments are copied
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(other) })
	mustRun(t, "backup", other, "--data", data)
	for _, folder := range []string{restored, fetched, other} {
		if is := onDisk(t, filepath.Join(folder, "log")); is > 2*own {
			t.Errorf("%s takes %d bytes of the disk, and the log %d", folder, is, own)
		}
	}
	mustRun(t, "verify", "--data", restored)
	mustRun(t, "verify", "--data", fetched)
}
