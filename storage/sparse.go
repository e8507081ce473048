package storage

import (
	"bytes"
	"os"
)

// holeBytes is the least that is left out of a file, at a multiple of it: a block of most file systems.
const holeBytes = 4096

// sparseWriter writes a new file from its beginning, and leaves holes where it has zeros. A segment has room that is
// not in use yet, which takes nothing of the disk, and neither does it in a copy.
type sparseWriter struct {
	file *os.File
	size int64
}

// Write writes what follows in the file.
func (w *sparseWriter) Write(b []byte) (n int, err error) {
	for n < len(b) {
		length, zeros := w.run(b[n:])
		if !zeros {
			if _, err := w.file.WriteAt(b[n:n+length], w.size); err != nil {
				return n, err
			}
		}
		w.size += int64(length)
		n += length
	}
	return n, nil
}

// run returns how many bytes of b follow that are zeros, or that are not, in whole blocks of the file.
func (w *sparseWriter) run(b []byte) (length int, zeros bool) {
	for length < len(b) {
		next := min(len(b), length+holeBytes-int((w.size+int64(length))%holeBytes))
		are := isZero(b[length:next])
		if length > 0 && are != zeros {
			break
		}
		length, zeros = next, are
	}
	return length, zeros
}

// finish gives the file its length, and syncs it.
func (w *sparseWriter) finish() error {
	if err := w.file.Truncate(w.size); err != nil {
		return err
	}
	return w.file.Sync()
}

// isZero reports whether b, of a block at most, has zeros alone.
func isZero(b []byte) bool {
	var zeros [holeBytes]byte
	return bytes.Equal(b, zeros[:len(b)])
}
