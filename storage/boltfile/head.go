package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gatebook/internal/regular"
)

// The head of a bbolt file of version 2 is two meta pages. Each has a page header of 16
// bytes (number 8, flags 2, count 2, overflow 4), then magic, version, page size, flags (4
// bytes each), root bucket (page, sequence), free list, highest page, transaction,
// checksum (8 bytes each), in the byte order of the machine.
const (
	magic       = 0xED0CDAED
	fileVersion = 2
	metaFlag    = 4
	metaOffset  = 16
	metaSize    = 64
	sumOffset   = 56
	// firstPage is the first page after the meta pages.
	firstPage = 2
	// noFreelist replaces the free list's page in a file that keeps none, such as
	// bbolt's "surgery freelist abandon" leaves.
	noFreelist = 1<<64 - 1
)

// meta is a meta page.
type meta struct {
	number         uint64 // of its page, 0 or 1
	pageSize       uint32
	root, freelist uint64
	highest        uint64 // the page after the last one in use
	transaction    uint64
	whole          bool // its checksum is right
}

// Inspect checks a bbolt file before bbolt maps it, and returns its size. bbolt trusts
// its files: a page beyond the end of the file is a fault of the whole process, a cycle of
// pages is followed without end, and an empty file is taken for a new database.
//
// It accepts every file that bbolt writes, also with its command "surgery" and as a copy
// (Tx.WriteTo), and every file that a crash can leave.
func Inspect(path string) (size int64, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, Unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return 0, &CorruptError{File: path, Err: fmt.Errorf("it is no regular file (%s)", regular.Kind(info.Mode()))}
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, Unreadable(path, err)
	}
	defer f.Close() // nothing was written
	// While another process writes, the pages read here need not be consistent.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return 0, &InUseError{Folder: filepath.Dir(path)}
	} else if err != nil {
		return 0, fmt.Errorf("lock %s: %w", path, err)
	}
	if _, err := inspect(path, f); err != nil {
		return 0, err
	}
	if info, err = f.Stat(); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// inspect checks the head and the branch pages of an open file, and returns the meta page
// that is in use.
func inspect(path string, f *os.File) (m meta, err error) {
	info, err := f.Stat()
	if err != nil {
		return m, Unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return m, &CorruptError{File: path, Err: fmt.Errorf("it is no regular file (%s)", regular.Kind(info.Mode()))}
	}
	if info.Size() == 0 {
		return m, &CorruptError{File: path, Err: errors.New("it is empty")}
	}
	if m, err = checkHead(f, info.Size()); err == nil {
		err = checkTree(f, m)
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return m, Unreadable(path, err)
	}
	if err != nil {
		return m, &CorruptError{File: path, Err: err}
	}
	return m, nil
}

// checkHead returns the meta page that bbolt uses: the newer one of those with a right
// checksum, and of two with the same transaction the first. The pages that the other one
// names do not matter, because bbolt reads none of them.
func checkHead(f io.ReaderAt, size int64) (use meta, err error) {
	var metas [2]meta
	for i := range metas {
		if metas[i], err = readMeta(f, uint64(i), metas[0].pageSize); err != nil {
			return use, fmt.Errorf("it is no bbolt file, or its head is damaged: %w", err)
		}
	}
	use, other := metas[0], metas[1]
	if other.transaction > use.transaction {
		use, other = other, use
	}
	if !use.whole {
		use, other = other, use
	}
	switch {
	case !use.whole:
		return use, errors.New("its head is damaged: neither checksum holds")
	case other.whole && !use.follows(&other):
		return use, fmt.Errorf("its head is damaged: transaction %d follows %d", use.transaction, other.transaction)
	case !other.whole && !other.tornBeside(&use, size):
		return use, fmt.Errorf("its head is damaged: no crash leaves transaction %d and %d pages beside transaction %d",
			other.transaction, other.highest, use.transaction)
	}
	return use, use.check(size)
}

// follows reports whether a meta page can be in use beside an older one, both with a right
// checksum. Transactions alternate between the pages: an even one is on page 0. There are
// three exceptions. "Surgery revert-meta-page" replaces the newer one by a copy of the
// older. A copy by Tx.WriteTo has its newer one on page 0, whatever its number. If that
// number was odd the next commit replaces it, so that the older one is two behind.
func (m *meta) follows(older *meta) bool {
	behind := m.transaction - older.transaction
	return behind <= 1 || behind == 2 && older.transaction%2 != older.number
}

// tornBeside reports whether a crash can have left a meta page with a wrong checksum beside
// the one in use. Each of its bytes comes from the meta page that was replaced or from the
// one that was written. The transactions of both are at most two apart from the one in
// use, and both have their pages within the file.
func (m *meta) tornBeside(use *meta, size int64) bool {
	for shift := 0; shift < 64; shift += 8 {
		known := false
		for d := -2; d <= 2; d++ {
			known = known || byte(m.transaction>>shift) == byte((use.transaction+uint64(d))>>shift)
		}
		if !known {
			return false
		}
	}
	highBytes := func(n uint64) int { return (bits.Len64(n) + 7) / 8 }
	return highBytes(m.highest) <= highBytes(uint64(size)/uint64(m.pageSize))
}

// check returns an error if a meta page names pages that are not in the file.
func (m *meta) check(size int64) error {
	if fit := uint64(size) / uint64(m.pageSize); m.highest > fit {
		return fmt.Errorf("it was cut short: room for %d pages where %d are in use", fit, m.highest)
	}
	if !m.holds(m.root) || m.freelist != noFreelist && !m.holds(m.freelist) {
		return fmt.Errorf("root page %d or free list page %d is not among its %d pages", m.root, m.freelist, m.highest)
	}
	return nil
}

// holds reports whether a page, other than a meta page, is in use.
func (m *meta) holds(page uint64) bool { return page >= firstPage && page < m.highest }

// readMeta reads meta page 0 or 1. For page 1 pageSize is the size that page 0 names. A
// crash can tear the fields that change with each transaction, and so the checksum, but
// not those that are the same in all of them. A wrong value there is an error.
func readMeta(f io.ReaderAt, number uint64, pageSize uint32) (m meta, err error) {
	var page [metaOffset + metaSize]byte
	if _, err := f.ReadAt(page[:], int64(number)*int64(pageSize)); err != nil {
		return m, err
	}
	return decodeMeta(page[:], number, pageSize)
}

// decodeMeta decodes the beginning of a meta page: see [readMeta].
func decodeMeta(page []byte, number uint64, pageSize uint32) (m meta, err error) {
	header, b := page[:metaOffset], page[metaOffset:]
	order := binary.NativeEndian
	m.number, m.pageSize = number, order.Uint32(b[8:])
	flags := order.Uint32(b[12:])
	switch {
	case order.Uint64(header) != number || order.Uint16(header[8:]) != metaFlag:
		return m, fmt.Errorf("page %d is no meta page", number)
	case order.Uint32(b) != magic || order.Uint32(b[4:]) != fileVersion:
		return m, fmt.Errorf("meta page %d has magic %#x and version %d", number, order.Uint32(b), order.Uint32(b[4:]))
	case flags != 0 && flags != metaFlag || order.Uint64(b[24:]) != 0: // "surgery meta update" sets the flag
		return m, fmt.Errorf("meta page %d has flags %#x or a sequence", number, flags)
	case m.pageSize < 1<<9 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0 || number > 0 && m.pageSize != pageSize:
		return m, fmt.Errorf("meta page %d has page size %d", number, m.pageSize)
	}
	m.root, m.freelist, m.highest = order.Uint64(b[16:]), order.Uint64(b[32:]), order.Uint64(b[40:])
	m.transaction = order.Uint64(b[48:])
	sum := fnv.New64a()
	sum.Write(b[:sumOffset]) // a hash never fails
	m.whole = order.Uint64(b[sumOffset:]) == sum.Sum64()
	return m, nil
}
