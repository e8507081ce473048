package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"gatebook/migrations"
	"gatebook/storage/index"
)

const (
	logKey      = "log"
	positionKey = "position"
	tablePrefix = "t/"
)

// bookMap is the address space book.db gets from the start.
const bookMap = 1 << 30

// Book keeps what was derived from a log, as of one sequence of it: tables of
// opaque values under opaque keys. Everything in it can be made again from the log.
type Book struct {
	db   *bolt.DB
	path string
}

// Change is a change to one row of the book.
type Change struct {
	Table string
	Key   []byte
	// Value is the new value; nil deletes the row.
	Value []byte
}

// CreateBook makes an empty book for the log of that identity, with the given
// tables. The file must not exist.
func CreateBook(path string, log [16]byte, tables []string) error {
	return createBolt(path, func(tx *bolt.Tx) error {
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
			meta.Put([]byte(formatKey), binary.BigEndian.AppendUint32(nil, migrations.BookFormat)),
			meta.Put([]byte(logKey), log[:]),
			meta.Put([]byte(positionKey), binary.BigEndian.AppendUint64(nil, 0)))
	})
}

// OpenBook opens the book at path, which must be one of the given log's. Errors:
// [ErrNotExist], [*InUseError], [*CorruptError] (also for a book of another log,
// format or set of tables), all wrapped.
func OpenBook(path string, log [16]byte, tables []string) (*Book, error) {
	db, err := openBoltFile(path, bookMap)
	if err != nil {
		return nil, err
	}
	b := &Book{db: db, path: path}
	err = guard(path, func() error {
		return db.View(func(tx *bolt.Tx) error { return b.check(tx, log, tables) })
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

func (b *Book) check(tx *bolt.Tx, log [16]byte, tables []string) error {
	damaged := func(format string, args ...any) error {
		return &CorruptError{File: b.path, Err: fmt.Errorf(format, args...)}
	}
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return damaged("it is a bbolt file, but no book of gatebook's")
	}
	format := meta.Get([]byte(formatKey))
	if len(format) != 4 || binary.BigEndian.Uint32(format) != migrations.BookFormat {
		return damaged("it has format %x, this program uses %d", format, migrations.BookFormat)
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

// Commit makes the changes to rows and indexes durable, and the position they bring
// the book to, in one transaction. Rows of one table cost least in ascending order of
// key.
func (b *Book) Commit(position uint64, changes []Change, indexes index.Update) error {
	err := guard(b.path, func() error {
		return b.db.Update(func(tx *bolt.Tx) error {
			if err := change(tx, changes); err != nil {
				return err
			}
			var rows indexRows
			rows.open(tx, b.path)
			if err := index.Apply(&rows, &indexes); err != nil {
				return rows.corrupt(err)
			}
			return tx.Bucket([]byte(metaBucket)).Put([]byte(positionKey), binary.BigEndian.AppendUint64(nil, position))
		})
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", b.path, err)
	}
	return nil
}

func change(tx *bolt.Tx, changes []Change) error {
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

// openRow checks and takes off the checksum of a row's value.
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

// Close releases the book.
func (b *Book) Close() error {
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", b.path, err)
	}
	return nil
}

// Snapshot is the book as of one moment. It must be closed soon, within one
// page of work: while it is open the book's file grows.
type Snapshot struct {
	tx   *bolt.Tx
	path string

	// The table that was read last, and its bucket. Most reads of many rows stay in one.
	table string
	rows  *bolt.Bucket

	indexes indexRows // not open until it is needed
}

// Snapshot begins one.
func (b *Book) Snapshot() (*Snapshot, error) {
	tx, err := b.db.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", b.path, err)
	}
	return &Snapshot{tx: tx, path: b.path}, nil
}

// Close ends the snapshot. Slices it gave out are then no longer valid.
func (s *Snapshot) Close() error { return s.tx.Rollback() }

// Position is the sequence of the log that the book stands for.
func (s *Snapshot) Position() uint64 {
	return binary.BigEndian.Uint64(s.tx.Bucket([]byte(metaBucket)).Get([]byte(positionKey)))
}

// open returns the bucket of a table. It looks the bucket up only where another table
// was read before.
func (s *Snapshot) open(table string) *bolt.Bucket {
	if s.rows == nil || s.table != table {
		s.table, s.rows = table, s.tx.Bucket([]byte(tablePrefix+table))
	}
	return s.rows
}

// Get returns the value under key, nil when there is none. It is valid until the
// snapshot is closed. The error is a [*CorruptError].
func (s *Snapshot) Get(table string, key []byte) (value []byte, err error) {
	err = guard(s.path, func() error {
		v := s.open(table).Get(key)
		if v == nil {
			return nil
		}
		value, err = s.row(table, key, v)
		return err
	})
	return value, err
}

// Scan calls row for each row with a key of at least from, in ascending order,
// until it returns false or an error. Slices are valid until the snapshot is
// closed.
func (s *Snapshot) Scan(table string, from []byte, row func(key, value []byte) (bool, error)) error {
	return guard(s.path, func() error {
		c := s.open(table).Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			value, err := s.row(table, k, v)
			if err != nil {
				return err
			}
			if more, err := row(k, value); err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Damaged is the error for rows that do not fit each other.
func (s *Snapshot) Damaged(format string, args ...any) error {
	return &CorruptError{File: s.path, Err: fmt.Errorf(format, args...)}
}

// row checks and takes off the checksum of a value.
func (s *Snapshot) row(table string, key, value []byte) ([]byte, error) {
	v, ok := openRow(key, value)
	if !ok {
		return nil, &CorruptError{File: s.path, Err: fmt.Errorf("the checksum of row %x of table %q is wrong", key, table)}
	}
	return v, nil
}
