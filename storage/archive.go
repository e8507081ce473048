package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/index"
)

const (
	logKey      = "log"
	positionKey = "position"
	tablePrefix = "t/"
)

// archiveMap is the address space that the archive gets at first.
const archiveMap = 1 << 30

// Archive keeps values derived from a log, as of one sequence of it: tables of opaque
// values under opaque keys, and indexes. All of it can be made again from the log.
type Archive struct {
	db   *boltfile.DB
	path string
}

// Change is a change to one row of the archive.
type Change struct {
	Table string
	Key   []byte
	// Value is the new value; nil deletes the row.
	Value []byte
}

// CreateArchive creates an empty archive of the log with that identity, with the given
// tables. The file must not exist.
func CreateArchive(path string, log [16]byte, tables []string) error {
	return boltfile.Create(path, func(tx *bolt.Tx) error {
		for _, name := range tables {
			if _, err := tx.CreateBucket([]byte(tablePrefix + name)); err != nil {
				return err
			}
		}
		if _, err := tx.CreateBucket([]byte(indexBucket)); err != nil {
			return err
		}
		meta, err := tx.CreateBucket([]byte(metaBucket))
		if err != nil {
			return err
		}
		return errors.Join(
			meta.Put([]byte(formatKey), binary.BigEndian.AppendUint32(nil, migrations.ArchiveFormat)),
			meta.Put([]byte(logKey), log[:]),
			meta.Put([]byte(positionKey), binary.BigEndian.AppendUint64(nil, 0)))
	})
}

// OpenArchive opens the archive at path, which must be of the given log. Errors:
// [ErrNotExist], [*InUseError], [*migrations.OtherFormatError], [*CorruptError] (also for an
// archive of another log or set of tables), all wrapped.
func OpenArchive(path string, log [16]byte, tables []string) (*Archive, error) {
	db, err := boltfile.Open(path, archiveMap)
	if err != nil {
		return nil, err
	}
	a := &Archive{db: db, path: path}
	err = boltfile.Guard(path, func() error {
		return db.View(func(tx *bolt.Tx) error { return a.check(tx, log, tables) })
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// check returns an error for a file that is not an archive of that log with those tables.
func (a *Archive) check(tx *bolt.Tx, log [16]byte, tables []string) error {
	damaged := func(format string, args ...any) error {
		return &CorruptError{File: a.path, Err: fmt.Errorf(format, args...)}
	}
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return damaged("it is a bbolt file, but not an archive of gatebook")
	}
	format := meta.Get([]byte(formatKey))
	if len(format) != 4 {
		return damaged("its format is missing")
	}
	if err := migrations.CheckArchive(a.path, binary.BigEndian.Uint32(format)); err != nil {
		return err
	}
	if !bytes.Equal(meta.Get([]byte(logKey)), log[:]) {
		return damaged("it was made from another log")
	}
	if len(meta.Get([]byte(positionKey))) != 8 {
		return damaged("its position is missing")
	}
	if tx.Bucket([]byte(indexBucket)) == nil {
		return damaged("its indexes are missing")
	}
	for _, name := range tables {
		if tx.Bucket([]byte(tablePrefix+name)) == nil {
			return damaged("table %q is missing", name)
		}
	}
	return nil
}

// Commit makes changes to rows and indexes durable, and the position the archive then
// stands for, in one transaction. Rows of one table cost least in ascending order of key.
func (a *Archive) Commit(position uint64, changes []Change, indexes index.Update) error {
	err := boltfile.Guard(a.path, func() error {
		return a.db.Update(func(tx *bolt.Tx) error {
			if err := putRows(tx, changes); err != nil {
				return err
			}
			var rows indexRows
			rows.open(tx, a.path)
			if err := index.Apply(&rows, &indexes); err != nil {
				return rows.corrupt(err)
			}
			return tx.Bucket([]byte(metaBucket)).Put([]byte(positionKey), binary.BigEndian.AppendUint64(nil, position))
		})
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", a.path, err)
	}
	return nil
}

func putRows(tx *bolt.Tx, changes []Change) error {
	size := 0
	for i := range changes {
		size += len(changes[i].Value) + crc32.Size
	}
	values := make([]byte, size) // bbolt reads them until the transaction ends
	for i := range changes {
		c := &changes[i]
		table := tx.Bucket([]byte(tablePrefix + c.Table))
		if table == nil {
			return fmt.Errorf("no table %q", c.Table)
		}
		if c.Value == nil {
			if err := table.Delete(c.Key); err != nil {
				return err
			}
			continue
		}
		table.FillPercent = 0.9
		end := len(c.Value) + crc32.Size
		value := sealRow(c.Key, append(values[:0:end], c.Value...))
		values = values[end:]
		if err := table.Put(c.Key, value); err != nil {
			return err
		}
	}
	return nil
}

// sealRow appends the checksum to a row's value.
func sealRow(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, rowSum(key, value))
}

// openRow checks and removes the checksum of a row's value. It returns false if the
// checksum is wrong.
func openRow(key, value []byte) ([]byte, bool) {
	n := len(value) - crc32.Size
	if n < 0 || binary.BigEndian.Uint32(value[n:]) != rowSum(key, value[:n]) {
		return nil, false
	}
	return value[:n:n], true
}

func rowSum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, key), table, value)
}

// Close releases the archive.
func (a *Archive) Close() error {
	if err := a.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", a.path, err)
	}
	return nil
}
