package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"gatebook/internal/regular"
)

// File is a bbolt file that nobody writes, open to be read without bbolt. Its methods are
// safe for concurrent use.
type File struct {
	f       *os.File
	meta    meta
	readers sync.Pool // of *Reader, released
}

// OpenFile opens a file that nobody writes and checks its head and branch pages. Errors:
// [ErrNotExist], [*CorruptError], all wrapped, and those of the system.
func OpenFile(path string) (*File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &CorruptError{File: path, Err: fmt.Errorf("it is no regular file (%s)", regular.Kind(info.Mode()))}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe is no reason to wait
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s %w", path, ErrNotExist)
	}
	if err != nil {
		return nil, Unreadable(path, err)
	}
	m, err := inspect(path, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{f: f, meta: m}, nil
}

// Reader returns a reader of the file, which is released before the file is closed.
func (f *File) Reader() *Reader { return newReader(&f.readers, f.f, f.meta) }

// Forget has the system forget what it remembers of the file, so that it is read from the disk
// next. It is a request, which the system need not follow.
func (f *File) Forget() {
	_ = unix.Fadvise(int(f.f.Fd()), 0, 0, unix.FADV_DONTNEED) // a request
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
