package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/index"
	"gatebook/storage/sealed"
)

const (
	logKey  = "log"
	rootKey = "root"
	// nodesBucket holds the nodes of the archive's tree, by their numbers.
	nodesBucket = "nodes"
	// indexTable is the table of the rows of all indexes.
	indexTable = 0xff
)

// archiveMap is the address space that the archive gets at first.
const archiveMap = 1 << 30

// Archive keeps values derived from a log, as of one sequence of it: tables of opaque
// values under opaque keys, and indexes. All of it can be made again from the log.
//
// Nothing in the file is believed. All rows are in one tree, package storage/sealed, whose root
// is sealed together with the sequence.
//
// Damage that is noticed is the end of the file: from then on every call returns
// [ErrRebuilding], until [Archive.Replace] puts another file in its place.
//
// Its methods are safe for concurrent use.
type Archive struct {
	path   string
	log    [16]byte
	tables map[string]byte // first byte of the keys of each
	sealed []byte          // what the checksum of the root covers besides

	mu      sync.RWMutex // guards the fields below
	db      *boltfile.DB
	known   *knownRoots   // of db
	damage  error         // what is wrong with the file, nil for nothing
	damaged chan struct{} // closed when damage is set
}

// ErrRebuilding is wrapped by the errors of an archive in which damage was noticed.
var ErrRebuilding = errors.New("the archive is damaged and is being made again from the log")

// Change is a change to one row of the archive.
type Change struct {
	Table string
	Key   []byte
	// Value is the new value; nil deletes the row.
	Value []byte
}

// CreateArchive creates an empty archive of the log with that identity, with the given
// tables. The file must not exist. Errors: [ErrDiskFull], wrapped, and those of the system.
func CreateArchive(path string, log [16]byte, tables []string) error {
	if len(tables) >= indexTable {
		return fmt.Errorf("create %s: %d tables, %d are allowed", path, len(tables), indexTable-1)
	}
	return diskFull(boltfile.Create(path, func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket([]byte(nodesBucket)); err != nil {
			return err
		}
		meta, err := tx.CreateBucket([]byte(metaBucket))
		if err != nil {
			return err
		}
		return errors.Join(
			meta.Put([]byte(formatKey), binary.BigEndian.AppendUint32(nil, migrations.ArchiveFormat)),
			meta.Put([]byte(logKey), log[:]),
			meta.Put([]byte(rootKey), (&archiveRoot{}).append(nil, rootSealKey(log, tables))))
	}))
}

// OpenArchive opens the archive at path, which must be of the given log. Errors:
// [ErrNotExist], [*InUseError], [*migrations.OtherFormatError], [*CorruptError] (also for an
// archive of another log or set of tables), all wrapped.
func OpenArchive(path string, log [16]byte, tables []string) (*Archive, error) {
	db, err := boltfile.Open(path, archiveMap)
	if err != nil {
		return nil, err
	}
	a := newArchive(path, log, tables)
	a.db = db
	err = db.View(a.check)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// MissingArchive returns an archive whose file is not there: until [Archive.Replace] every call
// returns [ErrRebuilding] and why.
func MissingArchive(path string, log [16]byte, tables []string, why error) *Archive {
	a := newArchive(path, log, tables)
	a.GiveUp(why)
	return a
}

func newArchive(path string, log [16]byte, tables []string) *Archive {
	a := &Archive{path: path, log: log, tables: make(map[string]byte, len(tables)), sealed: rootSealKey(log, tables), known: new(knownRoots), damaged: make(chan struct{})}
	for i, name := range tables {
		a.tables[name] = byte(i + 1)
	}
	return a
}

// check returns an error for a file that is not an archive of its log.
func (a *Archive) check(tx *bolt.Tx) error {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return a.corruptError("it is a bbolt file, but not an archive of gatebook")
	}
	format := meta.Get([]byte(formatKey))
	if len(format) != 4 {
		return a.corruptError("its format is missing")
	}
	if err := migrations.CheckArchive(a.path, binary.BigEndian.Uint32(format)); err != nil {
		return err
	}
	if !bytes.Equal(meta.Get([]byte(logKey)), a.log[:]) {
		return a.corruptError("it was made from another log")
	}
	s, err := a.root(tx)
	a.known.settle(s)
	return err
}

// corruptError returns a [*CorruptError].
func (a *Archive) corruptError(format string, args ...any) error {
	return &CorruptError{File: a.path, Err: fmt.Errorf(format, args...)}
}

// corrupt returns the error of a tree, of an index or of a page, as a [*CorruptError] where it is damage.
func (a *Archive) corrupt(err error) error {
	node, row, page := (*sealed.DamagedError)(nil), (*index.MalformedError)(nil), (*replacedError)(nil)
	if errors.As(err, &node) || errors.As(err, &row) || errors.As(err, &page) {
		return &CorruptError{File: a.path, Err: err}
	}
	return err
}

// Commit makes changes to rows and indexes durable, and the position the archive then
// stands for, in one transaction. record is the hash of the record at that position. Rows of
// one table cost least in ascending order of key.
func (a *Archive) Commit(position uint64, record RecordSum, changes []Change, indexes index.Update) error {
	db, known, err := a.open()
	if err != nil {
		return err
	}
	// Nobody would find again what is written into a file that has lost its name.
	if gone, is := errors.AsType[*boltfile.GoneError](db.Same(0)); is {
		return fmt.Errorf("write %s: %w", a.path, a.note(db, &CorruptError{File: a.path, Err: gone}))
	}
	var s archiveRoot
	err = db.Update(func(tx *bolt.Tx) error {
		if s, err = a.knownRoot(tx, known); err != nil {
			return err
		}
		s.position, s.record = position, record
		nodes := changedNodes{boltNodes: boltNodes{tx.Bucket([]byte(nodesBucket))}, changed: make(map[uint64][]byte)}
		rows, err := a.rowsOf(changes)
		if err == nil {
			var found []sealed.Change
			found, err = indexChanges(sealed.Open(nodes, s.tree.Ref), &indexes)
			rows = append(rows, found...)
		}
		if err == nil {
			s.tree, err = sealed.Apply(nodes, s.tree, rows)
		}
		if err == nil {
			err = nodes.write(db, tx)
		}
		if err != nil {
			return a.corrupt(err)
		}
		known.add(s) // whether the commit fails or not
		return tx.Bucket([]byte(metaBucket)).Put([]byte(rootKey), s.append(nil, a.sealed))
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", a.path, a.note(db, diskFull(err)))
	}
	known.settle(s)
	return nil
}

// open returns the open file, and the roots that it can have. Errors: [ErrRebuilding], wrapped.
func (a *Archive) open() (*boltfile.DB, *knownRoots, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.damage != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRebuilding, a.damage)
	}
	return a.db, a.known, nil
}

// note remembers an error that is damage of the file, and wraps [ErrRebuilding] around it.
// Other errors it returns as they are.
func (a *Archive) note(db *boltfile.DB, err error) error {
	if _, damage := errors.AsType[*CorruptError](err); !damage {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.db == db && a.damage == nil {
		a.damage = err
		close(a.damaged)
	}
	return fmt.Errorf("%w: %w", ErrRebuilding, err)
}

// GiveUp takes the file for damaged: it is not used any more.
func (a *Archive) GiveUp(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.damage == nil {
		a.damage = why
		close(a.damaged)
	}
}

// Damaged returns a channel that is closed when damage is noticed.
func (a *Archive) Damaged() <-chan struct{} {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.damaged
}

// Damage returns what is wrong with the file, nil for nothing.
func (a *Archive) Damage() error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.damage
}

// Replace puts the file of another archive, of the same log and tables, in the place of this
// one's. The other archive must not be used any more. Snapshots of the former file can be
// read on.
func (a *Archive) Replace(other *Archive) error {
	err := os.Rename(other.path, a.path)
	if err == nil {
		err = boltfile.SyncFolder(filepath.Dir(a.path))
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", a.path, err)
	}
	other.db.Renamed(a.path)
	a.mu.Lock()
	former := a.db
	a.db, a.known, a.damage, a.damaged = other.db, other.known, nil, make(chan struct{})
	a.mu.Unlock()
	if former == nil {
		return nil
	}
	return former.Close()
}

// rowsOf returns changes to tables as changes to the tree, in ascending order of key. Of two
// changes to one row the later counts.
func (a *Archive) rowsOf(changes []Change) ([]sealed.Change, error) {
	size := len(changes)
	for i := range changes {
		size += len(changes[i].Key)
	}
	keys := make([]byte, 0, size)
	rows := make([]sealed.Change, 0, len(changes))
	for i := range changes {
		c := &changes[i]
		table, known := a.tables[c.Table]
		if !known {
			return nil, fmt.Errorf("no table %q", c.Table)
		}
		if len(c.Key) == 0 {
			return nil, fmt.Errorf("a row of table %q without a key", c.Table)
		}
		begin := len(keys)
		keys = append(append(keys, table), c.Key...)
		rows = append(rows, sealed.Change{Key: keys[begin:len(keys):len(keys)], Value: c.Value})
	}
	return sortRows(rows), nil
}

// sortRows sorts changes by their keys, and keeps the last one of each key.
func sortRows(rows []sealed.Change) []sealed.Change {
	compare := func(a, b sealed.Change) int { return bytes.Compare(a.Key, b.Key) }
	if !slices.IsSortedFunc(rows, compare) {
		slices.SortStableFunc(rows, compare)
	}
	kept := rows[:0]
	for _, r := range rows {
		if n := len(kept); n > 0 && bytes.Equal(kept[n-1].Key, r.Key) {
			kept[n-1] = r
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// Close releases the archive.
func (a *Archive) Close() error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.db == nil {
		return nil
	}
	if err := a.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", a.path, err)
	}
	return nil
}
