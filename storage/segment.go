package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// The names inside a segment.
const (
	metaBucket    = "meta"
	recordsBucket = "records"
	formatKey     = "format"
	identityKey   = "id"
	previousKey   = "previous"
	endKey        = "end"
	sealKey       = "seal"
)

const (
	segmentSuffix = ".db"
	// segmentDigits is the number of digits in a segment's name, enough for every sequence.
	segmentDigits = 20
)

// segmentName returns the name of the file of a segment, by its first sequence.
func segmentName(first uint64) string {
	return fmt.Sprintf("%0*d%s", segmentDigits, first, segmentSuffix)
}

// firstOf returns the first sequence of the segment with that file name, and false for
// another file.
func firstOf(name string) (uint64, bool) {
	digits, found := strings.CutSuffix(name, segmentSuffix)
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, found && len(digits) == segmentDigits && err == nil && first > 0
}

// seal is what is known of a segment that is complete. It stands in the segment and in the
// one after it.
type seal struct {
	First, Last uint64
	// Recorded is the time of the last record, Stream the highest number of a stream up to
	// it, in this segment and in those before.
	Recorded events.Time
	Stream   uint64
	// Sum is the SHA-256 of the records, each after its length as an unsigned varint.
	Sum [sha256.Size]byte
	// Previous is the SHA-256 of the seal before, zero for the first segment.
	Previous [sha256.Size]byte
}

const sealSize = 4*8 + 2*sha256.Size

func (s *seal) encode() []byte {
	b := make([]byte, 0, sealSize+crc32.Size)
	for _, n := range []uint64{s.First, s.Last, uint64(s.Recorded), s.Stream} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(append(b, s.Sum[:]...), s.Previous[:]...)
	return sealRow([]byte(sealKey), b)
}

func decodeSeal(b []byte) (s seal, err error) {
	b, ok := openRow([]byte(sealKey), b)
	if !ok || len(b) != sealSize {
		return s, errors.New("the checksum of a seal is wrong")
	}
	order := binary.BigEndian
	s.First, s.Last = order.Uint64(b), order.Uint64(b[8:])
	s.Recorded, s.Stream = events.Time(order.Uint64(b[16:])), order.Uint64(b[24:])
	copy(s.Sum[:], b[32:])
	copy(s.Previous[:], b[32+sha256.Size:])
	return s, nil
}

// id returns the hash by which the next seal refers to this one.
func (s *seal) id() [sha256.Size]byte { return sha256.Sum256(s.encode()) }

func (s *seal) head() Head { return Head{Sequence: s.Last, Recorded: s.Recorded, Stream: s.Stream} }

// segmentEnd is the end of a segment that is written, which every commit sets.
type segmentEnd struct {
	head Head
	// state is the state of the hash of its records: see [summer].
	state []byte
}

func (e *segmentEnd) append(b []byte) []byte {
	return sealRow([]byte(endKey), append(e.head.append(b), e.state...))
}

func decodeEnd(b []byte) (e segmentEnd, err error) {
	b, ok := openRow([]byte(endKey), b)
	if !ok || len(b) < headSize {
		return e, errors.New("the checksum of its end is wrong")
	}
	return segmentEnd{head: decodeHead(b), state: bytes.Clone(b[headSize:])}, nil
}

// headSize is the number of bytes of a [Head] in a file.
const headSize = 3 * 8

// append appends the head as it stands in files.
func (h Head) append(b []byte) []byte {
	for _, n := range []uint64{h.Sequence, uint64(h.Recorded), h.Stream} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// decodeHead decodes a head from at least headSize bytes.
func decodeHead(b []byte) Head {
	order := binary.BigEndian
	return Head{Sequence: order.Uint64(b), Recorded: events.Time(order.Uint64(b[8:])), Stream: order.Uint64(b[16:])}
}

// summer hashes the records of a segment while they are written. Its state is kept with
// each commit, so that the hash goes on after the log was opened without reading the
// records again.
type summer struct {
	hash   hash.Hash
	length []byte
}

func newSummer() *summer { return &summer{hash: sha256.New()} }

func (s *summer) add(record []byte) {
	s.length = binary.AppendUvarint(s.length[:0], uint64(len(record)))
	s.hash.Write(s.length) // a hash never fails
	s.hash.Write(record)
}

func (s *summer) sum() (sum [sha256.Size]byte) {
	s.hash.Sum(sum[:0])
	return sum
}

// state appends the state that [summer.restore] takes.
func (s *summer) state(b []byte) ([]byte, error) {
	return s.hash.(encoding.BinaryAppender).AppendBinary(b)
}

func (s *summer) restore(state []byte) error {
	return s.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
}

// createSegment creates the segment after one with the given seal, or the first one of a
// log where there is none. edge is the tree over all records before it, keys are those of the log.
func createSegment(folder string, id [16]byte, before *seal, edge *tree.Frontier, keys []treehead.Key) (string, error) {
	end, previous := segmentEnd{}, []byte(nil)
	if before != nil {
		end.head, previous = before.head(), before.encode()
	}
	var err error
	if end.state, err = newSummer().state(nil); err != nil {
		return "", err
	}
	var signers []byte
	if len(keys) > 0 {
		signers = encodeKeys(keys)
	}
	path := filepath.Join(folder, segmentName(end.head.Sequence+1))
	return path, boltfile.Create(path, func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucket([]byte(metaBucket))
		if err != nil {
			return err
		}
		for key, value := range map[string][]byte{
			formatKey:   logFormat(),
			identityKey: id[:], previousKey: previous, endKey: end.append(nil), keysKey: signers,
		} {
			if value == nil {
				continue
			}
			if err := meta.Put([]byte(key), value); err != nil {
				return err
			}
		}
		if _, err = tx.CreateBucket([]byte(recordsBucket)); err != nil {
			return err
		}
		return createHashes(tx, edge)
	})
}

// logFormat returns the format of a segment that this program writes.
func logFormat() []byte { return binary.BigEndian.AppendUint32(nil, migrations.LogFormat) }

// segmentMeta is what a segment says of itself.
type segmentMeta struct {
	format   uint32
	id       [16]byte
	end      segmentEnd // of a sealed one without state
	previous *seal      // nil in the first segment
	seal     *seal      // nil while it is written
	keys     []treehead.Key
}

// readSegmentMeta reads and checks the meta bucket of the segment that begins at first. The
// error is a [*CorruptError], or a [*migrations.NewerError].
func readSegmentMeta(path string, first uint64, r *boltfile.Reader) (m segmentMeta, err error) {
	corrupt := func(err error) error { return &CorruptError{File: path, Err: err} }
	c, err := r.Bucket(metaBucket)
	if errors.Is(err, boltfile.ErrNoBucket) {
		return m, corrupt(errors.New("it is a bbolt file, but not a log of gatebook"))
	}
	if err != nil {
		return m, corrupt(err)
	}
	get := func(key string) (value []byte) {
		found, failed := c.Seek([]byte(key))
		if err = errors.Join(err, failed); failed == nil && found && string(c.Key()) == key {
			return c.Value()
		}
		return nil
	}
	format, id := get(formatKey), get(identityKey)
	if err != nil || len(format) != 4 || len(id) != len(m.id) {
		return m, corrupt(errors.Join(errors.New("its format or identity is missing"), err))
	}
	copy(m.id[:], id)
	m.format = binary.BigEndian.Uint32(format)
	if err := migrations.CheckLog(path, m.format); err != nil {
		if newer := (*migrations.NewerError)(nil); !errors.As(err, &newer) {
			err = corrupt(err)
		}
		return m, err
	}
	if b := get(previousKey); b != nil {
		before, err := decodeSeal(b)
		if err != nil {
			return m, corrupt(err)
		}
		m.previous = &before
	}
	if b := get(sealKey); b != nil {
		own, err := decodeSeal(b)
		if err != nil {
			return m, corrupt(err)
		}
		m.seal = &own
	}
	if b := get(keysKey); b != nil {
		if m.keys, err = decodeKeys(b); err != nil {
			return m, corrupt(err)
		}
	}
	end := get(endKey)
	if err != nil {
		return m, corrupt(err)
	}
	if m.end, err = decodeEnd(end); err != nil {
		return m, corrupt(err)
	}
	if err := m.check(first); err != nil {
		return m, corrupt(err)
	}
	return m, nil
}

// check returns an error if what a segment says does not fit together.
func (m *segmentMeta) check(first uint64) error {
	switch {
	case (m.previous == nil) != (first == 1):
		return errors.New("the seal of the segment before is missing, or there is none before")
	case m.previous != nil && m.previous.Last+1 != first:
		return fmt.Errorf("its name says that it begins at record %d, and the segment before ends at %d", first, m.previous.Last)
	case m.end.head.Sequence+1 < first:
		return fmt.Errorf("it ends at record %d, before it begins at %d", m.end.head.Sequence, first)
	case m.seal != nil && (m.seal.First != first || m.seal.head() != m.end.head):
		return fmt.Errorf("its seal is that of records %d to %d", m.seal.First, m.seal.Last)
	case m.seal != nil && m.previous != nil && m.seal.Previous != m.previous.id():
		return errors.New("its seal does not follow the seal of the segment before")
	}
	return nil
}
