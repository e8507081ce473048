package boltfile

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// view is a file's pages in memory, as its reader sees them. Reading them costs no system
// call, and a page that cannot be read is a fault: it is used inside [DB.Guard] alone.
type view struct {
	f     *os.File
	pages []byte // nil where there is no room for them
}

// openView returns a view of the first bytes of a file, which may be beyond its end.
// Where they do not fit into the address space the file is read instead.
func openView(f *os.File, size int) *view {
	pages, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		pages = nil
	}
	return &view{f: f, pages: pages}
}

// slice returns bytes of the file without copying them, nil where it is not in memory.
func (v *view) slice(at, size uint64) []byte {
	if v == nil || at+size > uint64(len(v.pages)) {
		return nil
	}
	return v.pages[at : at+size : at+size]
}

// ReadAt is [io.ReaderAt].
func (v *view) ReadAt(b []byte, at int64) (int, error) {
	if p := v.slice(uint64(at), uint64(len(b))); p != nil {
		return copy(b, p), nil
	}
	return v.f.ReadAt(b, at)
}

// close gives the memory back. Nothing may use slices of it any more.
func (v *view) close() error {
	pages := v.pages
	v.pages = nil
	if pages == nil {
		return nil
	}
	return unix.Munmap(pages)
}

var _ io.ReaderAt = (*view)(nil)
