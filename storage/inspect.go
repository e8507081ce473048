package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The head of a bbolt file, as its version 2 lays it out: two meta pages, each a
// page header of 16 bytes and then magic, version, page size, flags (4 bytes
// each), root bucket (page, sequence), free list, highest page, transaction,
// checksum (8 bytes each), in the byte order of the machine.
const (
	boltMagic      = 0xED0CDAED
	boltVersion    = 2
	boltMetaOffset = 16
	boltMetaSize   = 64
	boltSumOffset  = 56
)

type boltMeta struct {
	pageSize uint32
	highest  uint64 // the first page beyond all that are in use
}

// inspectBolt reads the head of a bbolt file by hand before bbolt maps it,
// because bbolt trusts it: pages beyond the end of the file are a fault of the
// whole process, and an empty file would be taken for a new database.
func inspectBolt(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &CorruptError{File: path, Err: errors.New("it is no regular file")}
	}
	if info.Size() == 0 {
		return &CorruptError{File: path, Err: errors.New("it is empty")}
	}
	metas, err := readBoltMetas(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if len(metas) == 0 {
		return &CorruptError{File: path, Err: errors.New("it is no bbolt file, or its head is gone")}
	}
	for _, m := range metas {
		if need := m.highest * uint64(m.pageSize); need > uint64(info.Size()) {
			return &CorruptError{File: path, Err: fmt.Errorf("it was cut short: %d bytes where %d are in use", info.Size(), need)}
		}
	}
	return nil
}

// readBoltMetas returns the meta pages whose checksum holds. One may be torn by
// a crash: bbolt then uses the other.
func readBoltMetas(f io.ReaderAt) ([]boltMeta, error) {
	var metas []boltMeta
	first, ok, err := readBoltMeta(f, 0)
	if err != nil {
		return nil, err
	}
	if ok {
		metas = append(metas, first)
		second, ok, err := readBoltMeta(f, int64(first.pageSize))
		if ok {
			metas = append(metas, second)
		}
		return metas, err
	}
	// Without the first, the page size is not known: look where it could be.
	for size := int64(1 << 10); size <= 1<<16; size <<= 1 {
		m, ok, err := readBoltMeta(f, size)
		if err != nil {
			return nil, err
		}
		if ok && int64(m.pageSize) == size {
			return append(metas, m), nil
		}
	}
	return nil, nil
}

func readBoltMeta(f io.ReaderAt, page int64) (boltMeta, bool, error) {
	var b [boltMetaSize]byte
	if _, err := f.ReadAt(b[:], page+boltMetaOffset); err != nil {
		if errors.Is(err, io.EOF) {
			return boltMeta{}, false, nil
		}
		return boltMeta{}, false, err
	}
	order := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:boltSumOffset]) // a hash never fails
	if order.Uint32(b[0:]) != boltMagic || order.Uint32(b[4:]) != boltVersion || order.Uint64(b[boltSumOffset:]) != sum.Sum64() {
		return boltMeta{}, false, nil
	}
	return boltMeta{pageSize: order.Uint32(b[8:]), highest: order.Uint64(b[40:])}, true, nil
}
