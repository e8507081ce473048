package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Explain adds to an error of a file that this process may not use whose the file is, with which mode, as which
// user the process runs, and what would be right. It returns any other error as it is.
func Explain(err error) error {
	failed, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(failed, fs.ErrPermission) {
		return err
	}
	path, info := barrier(failed)
	if info == nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return err
	}
	kind, right := "file", "u+rw"
	if info.IsDir() {
		kind, right = "folder", "u+rwx"
	}
	self := os.Geteuid()
	what := fmt.Sprintf("the %s %s belongs to uid %d and has mode %04o, and this process runs as uid %d", kind, path, owner.Uid, info.Mode().Perm(), self)
	switch {
	case self == 0:
		return fmt.Errorf("%w; %s: a security module, a flag of the file or the file system forbids it", err, what)
	case int(owner.Uid) == self:
		return fmt.Errorf("%w; %s: say chmod %s %s", err, what, right, path)
	}
	return fmt.Errorf("%w; %s: give the %s to uid %d (chown), or run gatebook as the user whose it is", err, what, kind, self)
}

// barrier returns the file or folder whose owner and mode forbid an operation, nil where that is not known.
func barrier(failed *fs.PathError) (string, fs.FileInfo) {
	path, err := filepath.Abs(failed.Path)
	if err != nil {
		return "", nil
	}
	switch failed.Op {
	case "mkdir", "remove", "unlinkat", "symlink", "link", "rename": // it is the folder that is changed
		path = filepath.Dir(path)
	}
	for {
		info, err := os.Stat(path)
		if err == nil {
			return path, info
		}
		if filepath.Dir(path) == path || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", nil
		}
		path = filepath.Dir(path) // it cannot be entered, or nothing can be made in it
	}
}
