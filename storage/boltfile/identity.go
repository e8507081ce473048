package boltfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Identity tells a file from any other, whatever its name.
type Identity struct{ device, inode uint64 }

// IdentityOf returns the identity of an open file.
func IdentityOf(f *os.File) (Identity, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return Identity{}, &os.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return Identity{s.Dev, s.Ino}, nil
}

// Same returns why the file at a path is not the one of the identity, nil where it is. It does not ask for the
// file's times: see [DB.Same].
func (i Identity) Same(path string) error {
	_, err := i.same(path)
	return err
}

// same is Same, and returns the size of the file.
func (i Identity) same(path string) (size uint64, err error) {
	var there unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE|unix.STATX_INO|unix.STATX_SIZE, &there)
	switch {
	case err != nil:
		return 0, err
	case there.Mode&unix.S_IFMT == unix.S_IFLNK: // a start would refuse it, whatever it leads to
		return 0, errors.New("a symbolic link has its name")
	case unix.Mkdev(there.Dev_major, there.Dev_minor) != i.device || there.Ino != i.inode:
		return 0, errors.New("another file has its name")
	}
	return there.Size, nil
}
