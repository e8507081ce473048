package storage

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatebook/events"
	"gatebook/migrations"
	"gatebook/storage/boltfile"
)

// The names inside log.db.
const (
	metaBucket    = "meta"
	recordsBucket = "records"
	formatKey     = "format"
	identityKey   = "id"
)

const (
	// logMap is the address space that the log gets at first: growing the map blocks the
	// writer while any reader is active.
	logMap = 4 << 30
)

// BoltOptions are the options of [OpenBolt]. The zero value is ready for use.
type BoltOptions struct {
	// Clock returns the times that are recorded. Nil means the system's clock.
	Clock func() events.Time
	// CommitHook is called after each commit; nil for none.
	CommitHook CommitHook
	// commit replaces the commit of a transaction; tests make it fail.
	commit func(*bolt.Tx) error
}

// Bolt is a log in a bbolt file that this process owns.
type Bolt struct {
	*appender
	db      *bolt.DB
	path    string
	id      [16]byte
	commits func(*bolt.Tx) error

	// The fields below are owned by the appending goroutine.
	key    [8]byte
	blocks []byte // the buffer of the last batch's blocks
}

// CreateBolt creates an empty log at path, which must not exist. Its folder must exist.
func CreateBolt(path string) error {
	var id [16]byte
	rand.Read(id[:])
	return boltfile.Create(path, func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucket([]byte(metaBucket))
		if err != nil {
			return err
		}
		if err := meta.Put([]byte(formatKey), binary.BigEndian.AppendUint32(nil, migrations.LogFormat)); err != nil {
			return err
		}
		if err := meta.Put([]byte(identityKey), id[:]); err != nil {
			return err
		}
		_, err = tx.CreateBucket([]byte(recordsBucket))
		return err
	})
}

// OpenBolt opens the log at path and does not change the file. Errors: [ErrNotExist],
// [*InUseError], [*CorruptError], [*migrations.NewerError], [events.ErrNewer], all
// wrapped, and those of the system.
func OpenBolt(path string, o BoltOptions) (*Bolt, error) {
	db, err := boltfile.Open(path, logMap)
	if err != nil {
		return nil, err
	}
	l := &Bolt{db: db, path: path, commits: o.commit}
	if l.commits == nil {
		l.commits = (*bolt.Tx).Commit
	}
	var head Head
	err = boltfile.Guard(path, func() (err error) {
		if err = l.readMeta(); err != nil {
			return err
		}
		head, err = l.readHead()
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	clock := o.Clock
	if clock == nil {
		clock = func() events.Time { return events.TimeOf(time.Now()) }
	}
	l.appender = newAppender(l, clock, head)
	l.commitHook = o.CommitHook
	return l, nil
}

func (l *Bolt) readMeta() error {
	return l.db.View(func(tx *bolt.Tx) error {
		meta, records := tx.Bucket([]byte(metaBucket)), tx.Bucket([]byte(recordsBucket))
		if meta == nil || records == nil {
			return &CorruptError{File: l.path, Err: errors.New("it is a bbolt file, but not a log of gatebook")}
		}
		format, id := meta.Get([]byte(formatKey)), meta.Get([]byte(identityKey))
		if len(format) != 4 || len(id) != len(l.id) {
			return &CorruptError{File: l.path, Err: errors.New("its format or identity is missing")}
		}
		copy(l.id[:], id)
		err := migrations.CheckLog(l.path, binary.BigEndian.Uint32(format))
		if newer := (*migrations.NewerError)(nil); err != nil && !errors.As(err, &newer) {
			err = &CorruptError{File: l.path, Err: err}
		}
		return err
	})
}

// ID is [Log.ID].
func (l *Bolt) ID() [16]byte { return l.id }

// Start is [Log.Start].
func (l *Bolt) Start(after uint64, deliver Deliver) error {
	if errors.Is(l.Err(), ErrClosed) {
		return ErrClosed
	}
	head := l.Head().Sequence
	if after < head && head-after > readAheadFrom {
		if err := readAhead(l.path); err != nil {
			return err
		}
	}
	if err := replay(l.path, l.read, after, head, deliver); err != nil {
		return err
	}
	return l.run(deliver)
}

// commit stores the values of one batch in one transaction.
func (l *Bolt) commit(first uint64, values [][]byte) error {
	var tx *bolt.Tx
	err := boltfile.Guard(l.path, func() (err error) {
		if tx, err = l.db.Begin(true); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		if err := l.put(tx, first, values); err != nil {
			return err
		}
		return l.commits(tx)
	})
	if err == nil {
		return nil
	}
	if tx != nil {
		rollback := boltfile.Guard(l.path, tx.Rollback)
		if rollback != nil && !errors.Is(rollback, berrors.ErrTxClosed) {
			err = errors.Join(err, rollback)
		}
	}
	return l.commitFailed(first, err)
}

func (l *Bolt) put(tx *bolt.Tx, first uint64, values [][]byte) (err error) {
	bucket := tx.Bucket([]byte(recordsBucket))
	// Keys only ascend, so that full pages are never split. They halve the file.
	bucket.FillPercent = 1
	if cap(l.blocks) > maxBlocks {
		l.blocks = nil
	}
	l.blocks, err = blocks(l.blocks, values, func(i int, block []byte) error {
		binary.BigEndian.PutUint64(l.key[:], first+uint64(i))
		if err := bucket.Put(l.key[:], block); err != nil {
			return fmt.Errorf("put record %d: %w", first+uint64(i), err)
		}
		return nil
	})
	return err
}

// commitFailed returns [ErrDiskFull] for a full disk, and another error for any other
// failure. bbolt writes and syncs all other pages before the meta page that makes them
// valid. So if a write found no space and the last record is still the one before, nothing
// has changed.
func (l *Bolt) commitFailed(first uint64, err error) error {
	var path *fs.PathError
	if full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT); full && errors.As(err, &path) {
		var head Head
		failed := boltfile.Guard(l.path, func() (err error) {
			head, err = l.readHead()
			return err
		})
		if failed == nil && head.Sequence+1 == first {
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
	}
	return fmt.Errorf("commit: %w", err)
}

// Close is [Log.Close].
func (l *Bolt) Close() error {
	l.stop()
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", l.path, err)
	}
	return nil
}
