package owner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Keep gives a file, or a folder, that this process has made to the owner and the group of the folder that it is
// in, where this process is root's.
func Keep(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := of(filepath.Dir(path))
	if err == nil {
		err = os.Lchown(path, uid, gid)
	}
	if err != nil {
		return fmt.Errorf("give a file to the owner of its folder: %w", err)
	}
	return nil
}

// KeepFile is [Keep] of a file that is open, in a folder.
func KeepFile(file *os.File, folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := of(folder)
	if err == nil {
		err = file.Chown(uid, gid)
	}
	if err != nil {
		return fmt.Errorf("give a file to the owner of its folder: %w", err)
	}
	return nil
}

// Check returns an error where [Keep] would fail in a folder of another user: root may not give files away there,
// as in some containers and on some network file systems. It changes nothing.
func Check(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := of(folder)
	if err != nil || uid == 0 {
		return err
	}
	if err := os.Chown(folder, uid, gid); errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s is of the user %d, and root may not give files to that user here: a server of that user could not read what this command writes; run it as that user", folder, uid)
	}
	return nil // a folder that cannot be written to is refused when it is written to
}

// of returns the owner and the group of a folder.
func of(folder string) (uid, gid int, err error) {
	info, err := os.Stat(folder)
	if err != nil {
		return 0, 0, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("the system does not say who owns %s", folder)
	}
	return int(s.Uid), int(s.Gid), nil
}
