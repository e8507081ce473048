package storage

import (
	"encoding/binary"
	"strings"

	bolt "go.etcd.io/bbolt"

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
