package boltfile

import (
	"errors"
	"fmt"
	"os"
	"sync"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// DB is an open bbolt file. It is safe for concurrent use.
//
// A panic inside bbolt leaves its locks held, so that every later call would wait for ever.
// The first panic is therefore the end of the DB: bbolt is not called again, and every
// method returns the [*CorruptError] of that panic.
type DB struct {
	path string
	db   *bolt.DB
	file *os.File
	// identity is that of the file.
	identity Identity
	// pageSize is that of the file, in bytes.
	pageSize uint32

	readers sync.Pool // of *Reader, released

	// beginning is had by the call that begins a transaction: while bbolt's lock on the meta
	// pages could be left held, nobody else waits for it. It has room for one.
	beginning chan struct{}
	// heads and metas are the meta pages as they were read when a transaction began last. They
	// belong to the call that has beginning, as does view, which is nil once the file is closed.
	view  *view
	heads [2][metaOffset + metaSize]byte
	metas [2]meta
	// committed is the meta page that the last writing transaction began with. It belongs to the
	// goroutine that writes.
	committed meta
	// broken is closed when bbolt has panicked, and err set before.
	broken chan struct{}
	once   sync.Once
	err    error
}

// newDB returns the DB of an open file, of which mapped bytes are seen in memory.
func newDB(path string, db *bolt.DB, file *os.File, mapped int) (*DB, error) {
	identity, err := IdentityOf(file)
	if err != nil {
		return nil, err
	}
	return &DB{
		path: path, db: db, file: file, identity: identity, pageSize: uint32(db.Info().PageSize),
		view: openView(file, mapped), beginning: make(chan struct{}, 1), broken: make(chan struct{}),
	}, nil
}

// Err returns why the DB is not used any more, nil while it is.
func (d *DB) Err() error {
	select {
	case <-d.broken:
		return d.err
	default:
		return nil
	}
}

// Broken is closed when bbolt has panicked.
func (d *DB) Broken() <-chan struct{} { return d.broken }

// Guard calls f, which uses a transaction of the DB. A panic, or a fault of the map, is the
// end of the DB.
func (d *DB) Guard(f func() error) error {
	if err := d.Err(); err != nil {
		return err
	}
	panicked, err := guard(d.path, f)
	if panicked {
		d.fail(err)
	}
	return err
}

func (d *DB) fail(err error) {
	d.once.Do(func() {
		d.err = err
		close(d.broken)
	})
}

// Begin begins a transaction. The error is bbolt's, or a [*CorruptError].
func (d *DB) Begin(writable bool) (tx *bolt.Tx, err error) {
	select {
	case <-d.broken:
		return nil, d.err
	case d.beginning <- struct{}{}:
	}
	defer func() { <-d.beginning }()
	err = d.Guard(func() error {
		// bbolt panics, with its locks held, where it finds neither meta page whole.
		if err := d.checkMetas(); err != nil {
			return err
		}
		if tx, err = d.db.Begin(writable); err == nil && writable {
			d.committed = meta{}
			for _, m := range d.metas {
				if m.whole && m.transaction+1 == uint64(tx.ID()) {
					d.committed = m
				}
			}
		}
		return err
	})
	return tx, err
}

// checkMetas returns a [*CorruptError] unless one of the meta pages is whole. Its caller has
// beginning.
func (d *DB) checkMetas() error {
	if d.view == nil {
		return berrors.ErrDatabaseNotOpen
	}
	if err := d.readMetas(); err != nil {
		err = &CorruptError{File: d.path, Err: fmt.Errorf("its head is damaged while it is open: %w", err)}
		d.fail(err)
		return err
	}
	return nil
}

// readMetas reads both meta pages of the open file, one right after the other. No crash can have
// torn them, and one that is being written can be seen half. Its caller has beginning.
func (d *DB) readMetas() error {
	for i := range d.heads {
		if _, err := d.view.ReadAt(d.heads[i][:], int64(i)*int64(d.pageSize)); err != nil {
			return err
		}
	}
	var errs [2]error
	for i := range d.metas {
		d.metas[i], errs[i] = decodeMeta(d.heads[i][:], uint64(i), d.pageSize)
	}
	if errs[0] != nil && errs[1] != nil || !d.metas[0].whole && !d.metas[1].whole {
		return errors.Join(append(errs[:], errors.New("neither meta page is whole"))...)
	}
	return nil
}

// Rollback ends a transaction without its changes.
func (d *DB) Rollback(tx *bolt.Tx) error {
	if d.Err() != nil {
		return nil // its locks stay held, and nobody asks for them
	}
	err := d.Guard(tx.Rollback)
	if errors.Is(err, berrors.ErrTxClosed) {
		return nil
	}
	return err
}

// View calls f with a transaction that reads.
func (d *DB) View(f func(*bolt.Tx) error) error {
	tx, err := d.Begin(false)
	if err != nil {
		return err
	}
	err = d.Guard(func() error { return f(tx) })
	return errors.Join(err, d.Rollback(tx))
}

// Update calls f with a transaction that writes, and commits it unless f returns an error.
func (d *DB) Update(f func(*bolt.Tx) error) error {
	tx, err := d.Begin(true)
	if err != nil {
		return err
	}
	err = d.Guard(func() error {
		if err := f(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return errors.Join(err, d.Rollback(tx))
	}
	return nil
}

// Sync syncs the file.
func (d *DB) Sync() error { return d.Guard(d.db.Sync) }

// Renamed tells the DB that its file has another path now. No other method may be called meanwhile.
func (d *DB) Renamed(path string) { d.path = path }

// Same returns a [*GoneError] unless the DB's file is the one at its path, and has at least that
// many bytes. It does not ask for the file's times: since Linux 6.13, asking for them makes each
// write that follows record a time of its own, and the sync after it slower by a fifth (see
// "Multigrain Timestamps" in the kernel's documentation).
func (d *DB) Same(size int64) error {
	there, err := d.identity.same(d.path)
	if err == nil && int64(there) < size {
		err = fmt.Errorf("it was cut to %d bytes, %d are in use", there, size)
	}
	if err != nil {
		return &GoneError{File: d.path, Err: err}
	}
	return nil
}

// Close waits for transactions to end and closes the file. A DB that has failed is
// abandoned instead: its lock is released, and its map stays.
func (d *DB) Close() error {
	if d.Err() == nil {
		err := d.Guard(d.db.Close)
		d.beginning <- struct{}{}
		defer func() { <-d.beginning }()
		if d.Err() == nil {
			if d.view != nil {
				err = errors.Join(err, d.view.close())
			}
			d.view = nil
			return err
		}
	}
	abandon(d.file)
	return nil
}
