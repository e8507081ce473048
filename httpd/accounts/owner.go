package accounts

import (
	"os"
	"syscall"
)

// keepOwner gives a file in a folder to the folder's owner, if root makes it: the server of
// that owner has to read the file.
func keepOwner(file *os.File, folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return file.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}
