package storage

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage/boltfile"
	"gatebook/storage/sealed"
)

// RecordSum is a hash of a record.
type RecordSum [32]byte

// archiveRoot is what the archive stands for, and the root of its tree.
type archiveRoot struct {
	position uint64
	// record is the hash of the record at the position.
	record RecordSum
	tree   sealed.Root
}

// knownRoots are the roots that a file can have, because this process has read or written them.
// A file with another one was changed by somebody else: another file was copied over it, or its
// newer meta page is damaged, so that bbolt reads the state before.
type knownRoots struct {
	mu   sync.RWMutex // guards the field below
	list []archiveRoot
}

// add adds a root that the file may have from now on.
func (k *knownRoots) add(s archiveRoot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, s)
}

// settle forgets all roots but the one that the file has.
func (k *knownRoots) settle(s archiveRoot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list[:0], s)
}

// rootSize is the length of an encoded archiveRoot in bytes.
const rootSize = 8 + len(RecordSum{}) + 8 + 4 + 8

// append appends the encoded root to b, with a checksum that covers a key besides. Numbers are
// big-endian.
func (s *archiveRoot) append(b, key []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, s.position)
	b = append(b, s.record[:]...)
	b = binary.BigEndian.AppendUint64(b, s.tree.Number)
	b = binary.BigEndian.AppendUint32(b, s.tree.Sum)
	b = binary.BigEndian.AppendUint64(b, s.tree.Next)
	return sealRow(key, b)
}

// rootSealKey returns what the checksum of a root covers besides: what the archive is of.
func rootSealKey(log [16]byte, tables []string) []byte {
	return append(append([]byte(rootKey), log[:]...), strings.Join(tables, " ")...)
}

// knownRoot reads the archive's root, which has to be one of those that are known. Its caller
// holds the lock of known, or is the one that writes. The error is a [*CorruptError].
func (a *Archive) knownRoot(tx *bolt.Tx, known *knownRoots) (archiveRoot, error) {
	s, err := a.root(tx)
	if err == nil && !slices.Contains(known.list, s) {
		err = a.corruptError("it is as of record %d, and this process did not write that: another file was put in its place, or its last commit is damaged", s.position)
	}
	return s, err
}

// root reads the archive's root. The error is a [*CorruptError].
func (a *Archive) root(tx *bolt.Tx) (s archiveRoot, err error) {
	meta, nodes := tx.Bucket([]byte(metaBucket)), tx.Bucket([]byte(nodesBucket))
	if meta == nil || nodes == nil {
		return s, a.corruptError("it is a bbolt file, but not an archive of gatebook")
	}
	b, ok := openRow(a.sealed, meta.Get([]byte(rootKey)))
	if !ok || len(b) != rootSize {
		return s, a.corruptError("the checksum of its root is wrong")
	}
	s.position = binary.BigEndian.Uint64(b)
	b = b[8+copy(s.record[:], b[8:]):]
	s.tree.Number, s.tree.Sum, s.tree.Next = binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint64(b[12:])
	return s, nil
}

// ArchivePosition returns the sequence of the log for which the archive at path stands, which no
// process has open. Errors: [ErrNotExist], [*CorruptError] (also for an archive of another log
// or set of tables), all wrapped, and those of the system.
func ArchivePosition(path string, log [16]byte, tables []string) (uint64, error) {
	file, err := boltfile.OpenFile(path)
	if err != nil {
		return 0, err
	}
	defer file.Close() // nothing was written
	r := file.Reader()
	defer r.Release()
	c, err := r.Bucket(metaBucket)
	found := false
	if err == nil {
		found, err = c.Seek([]byte(rootKey))
	}
	if err != nil {
		return 0, &CorruptError{File: path, Err: err}
	}
	if b, ok := openRow(rootSealKey(log, tables), c.Value()); found && ok && len(b) == rootSize && string(c.Key()) == rootKey {
		return binary.BigEndian.Uint64(b), nil
	}
	return 0, &CorruptError{File: path, Err: errors.New("the checksum of its root is wrong")}
}
