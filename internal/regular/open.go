package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// KindError reports a file that is no regular one.
type KindError struct {
	Path string
	Mode fs.FileMode
}

// Error returns the path and what is there.
func (e *KindError) Error() string {
	return fmt.Sprintf("%s is no regular file (%s)", e.Path, Kind(e.Mode))
}

// Kind returns what kind of file a mode is of.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "regular file"
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	}
	return "device"
}

// Open opens a file to be read. Errors: a [*KindError] and those of [os.Open].
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile opens a file as [os.OpenFile] does. Errors: a [*KindError] and those of [os.OpenFile].
func OpenFile(path string, flag int, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, mode) // which has no effect on a regular file
	if err != nil {
		// Folders, sockets and pipes without a reader cannot be opened to be written.
		if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
			return nil, &KindError{Path: path, Mode: info.Mode()}
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &KindError{Path: path, Mode: info.Mode()}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile returns the content of a file. Errors: a [*KindError] and those of [os.ReadFile].
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	return content, errors.Join(err, f.Close())
}
