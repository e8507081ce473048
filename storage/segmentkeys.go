package storage

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage/treehead"
)

// keysKey is the row of a segment's meta with the keys that sign heads of the log: of each, the
// oldest first, the sequence from which on it signs as 8 bytes, and the public key. Every later
// segment has them too. All but the first stand in records of the log ([events.KeyRotated]).
const keysKey = "keys"

const keySize = 8 + len(treehead.PublicKey{})

func encodeKeys(keys []treehead.Key) []byte {
	b := make([]byte, 0, len(keys)*keySize)
	for _, k := range keys {
		b = append(binary.BigEndian.AppendUint64(b, k.From), k.Public[:]...)
	}
	return sealRow([]byte(keysKey), b)
}

func decodeKeys(b []byte) (keys []treehead.Key, err error) {
	b, ok := openRow([]byte(keysKey), b)
	if !ok || len(b)%keySize != 0 {
		return nil, errors.New("the checksum of its keys is wrong")
	}
	for ; len(b) > 0; b = b[keySize:] {
		k := treehead.Key{From: binary.BigEndian.Uint64(b)}
		copy(k.Public[:], b[8:])
		keys = append(keys, k)
	}
	return keys, nil
}

// rotationIn returns what a stored record says that names a key, and false for one that names none.
func rotationIn(sequence uint64, stored []byte) (treehead.Rotation, bool) {
	if events.KindOf(stored) != events.KindKeyRotated {
		return treehead.Rotation{}, false
	}
	r, err := events.Decode(sequence, stored, nil)
	if err != nil {
		return treehead.Rotation{}, false // reading it says so
	}
	e, ok := r.Event.(*events.KeyRotated)
	if !ok {
		return treehead.Rotation{}, false
	}
	return treehead.Rotation{Sequence: sequence, Key: e.Key, Before: e.Before, Endorsement: e.Endorsement}, true
}

// keyIn returns the key that a stored record names, and false for one that names none.
func keyIn(origin string, sequence uint64, stored []byte) (treehead.Key, bool) {
	e, ok := rotationIn(sequence, stored)
	if !ok {
		return treehead.Key{}, false
	}
	public, err := treehead.ParseVerifier(origin, e.Key)
	return treehead.Key{From: sequence, Public: public}, err == nil
}

// withKey returns keys with one more, unless it is among them.
func withKey(keys []treehead.Key, k treehead.Key) []treehead.Key {
	if slices.ContainsFunc(keys, func(other treehead.Key) bool { return other.Public == k.Public }) {
		return keys
	}
	return append(slices.Clip(keys), k)
}

// keyWriter keeps the keys of the log in the segment that is written. It is for one goroutine
// at a time.
type keyWriter struct {
	origin string
	// keys are those of the log at its end, and next those after the commit that is made.
	keys, next []treehead.Key
	// stored is the number of keys in the segment.
	stored int
}

// put notes the keys that records name, and writes the row where the segment lacks some.
func (w *keyWriter) put(meta *bolt.Bucket, first uint64, values [][]byte) error {
	w.next = w.keys
	for i, v := range values {
		if k, ok := keyIn(w.origin, first+uint64(i), v); ok {
			w.next = withKey(w.next, k)
		}
	}
	if len(w.next) == w.stored {
		return nil
	}
	return meta.Put([]byte(keysKey), encodeKeys(w.next))
}

// keep takes over what was put, once it is durable.
func (w *keyWriter) keep() { w.keys, w.stored = w.next, len(w.next) }

// durableKeys are the keys of a log, for those who do not write.
type durableKeys struct {
	mu   sync.Mutex // guards keys
	keys []treehead.Key
}

func (k *durableKeys) set(keys []treehead.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = keys
}

// Keys returns the keys of the log. A log has none until one was given to [Bolt.BeginSigning] and
// a record was appended after that.
func (l *Bolt) Keys() treehead.Keys {
	l.keys.mu.Lock()
	defer l.keys.mu.Unlock()
	return treehead.Keys{Origin: treehead.Origin(l.id), All: l.keys.keys}
}

// BeginSigning gives the log its first key, which the next commit writes down. From then on the
// log says that it has been signed. It is called before Start.
func (l *Bolt) BeginSigning(public treehead.PublicKey) {
	l.writer.keys.keys = []treehead.Key{{Public: public}}
	l.keys.set(l.writer.keys.keys)
}

// KeysOf returns the keys of the log in a folder, which nobody has open, as its newest segment
// says.
func KeysOf(folder string) (keys treehead.Keys, err error) {
	segments, err := listSegments(folder)
	if err != nil {
		return keys, err
	}
	newest := segments[len(segments)-1]
	view, done, err := newest.viewer()
	if err != nil {
		return keys, err
	}
	defer done()
	m, err := view.meta(newest)
	return treehead.Keys{Origin: treehead.Origin(m.id), All: m.keys}, err
}
