package storage

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// hashVerifier makes the tree over the records of a log again, and compares its hashes with
// those that the segments have.
type hashVerifier struct {
	edge tree.Frontier
	// expected are the hashes that the segment has to have, in their order.
	expected []hashRow
	leaf     []byte
	// origin is that of the log's keys, keys are those that the segments and records have named.
	origin string
	keys   []treehead.Key
	// rotations takes what the records say that name keys.
	rotations *[]treehead.Rotation
	// roots takes the roots of the trees of the wanted sizes, which ascend.
	roots  map[uint64]tree.Hash
	wanted []uint64
}

// hashRow is a hash of the tree with its index.
type hashRow struct {
	index int64
	hash  tree.Hash
}

// begin begins a segment. Where records before it could not be read it goes on from what the
// segment says of the tree before it; the roots are then those of this segment's word.
func (v *hashVerifier) begin(s *segment, m *segmentMeta, view viewFunc) error {
	v.expected = v.expected[:0]
	v.origin = treehead.Origin(m.id)
	if len(v.keys) == 0 {
		v.keys = slices.Clone(m.keys[:min(len(m.keys), 1)]) // no record names the first
	}
	if v.edge.Size() != int64(s.first-1) {
		v.wanted = nil
		v.keys = slices.DeleteFunc(slices.Clone(m.keys), func(k treehead.Key) bool { return k.From >= s.first })
		if m.format < migrations.TreeFormat {
			return nil
		}
		from := blockReader{path: s.path}
		err := view(func(r *boltfile.Reader) (err error) {
			v.edge, err = frontierIn(&from, r, s.first, s.first-1, &v.leaf)
			return err
		})
		if err != nil {
			return err
		}
	}
	return v.edge.Each(v.expect)
}

func (v *hashVerifier) expect(index int64, h tree.Hash) error {
	v.expected = append(v.expected, hashRow{index, h})
	return nil
}

// add adds a record that is whole.
func (v *hashVerifier) add(sequence uint64, stored []byte) error {
	if uint64(v.edge.Size())+1 != sequence {
		return nil // one before it is damaged, or the segment begins with nothing known
	}
	if k, ok := keyIn(v.origin, sequence, stored); ok {
		v.keys = withKey(v.keys, k)
	}
	if r, ok := rotationIn(sequence, stored); ok {
		*v.rotations = append(*v.rotations, r)
	}
	h, err := leafHash(&v.leaf, sequence, stored)
	if err == nil {
		err = v.edge.Append(h, v.expect)
	}
	v.noteRoot()
	return err
}

// noteRoot notes the root of the tree where its size is one that is wanted.
func (v *hashVerifier) noteRoot() {
	size := uint64(v.edge.Size())
	if _, wanted := slices.BinarySearch(v.wanted, size); wanted {
		v.roots[size] = v.edge.Root()
	}
}

// compare returns a [*CorruptError] unless the hashes of a segment whose records were added are
// those that were expected. One that is written may have more by now.
func (v *hashVerifier) compare(s *segment, m *segmentMeta, view viewFunc) error {
	if m.format < migrations.TreeFormat || uint64(v.edge.Size()) != m.end.head.Sequence {
		return nil
	}
	from := blockReader{path: s.path}
	if !slices.Equal(v.keys, m.keys) {
		return from.corrupt(0, errors.New("the keys that it says sign the log are not those that its records name"))
	}
	return view(func(r *boltfile.Reader) error {
		c, err := r.Bucket(hashesBucket)
		if err != nil {
			return from.corrupt(0, err)
		}
		found, err := c.First()
		for i := 0; err == nil && (found || i < len(v.expected)); i++ {
			if i == len(v.expected) {
				if s.db.Load() == nil {
					err = fmt.Errorf("it has hash %x of the tree, which has no records", c.Key())
				}
				break
			}
			if err = v.expected[i].check(c, found); err == nil {
				found, err = c.Next()
			}
		}
		return from.corrupt(0, err)
	})
}

// check returns an error unless the cursor is at the row.
func (want *hashRow) check(c *boltfile.Cursor, found bool) error {
	key := hashKey(want.index)
	if !found || !bytes.Equal(c.Key(), key[:]) {
		return fmt.Errorf("hash %d of the tree is missing", want.index)
	}
	var h tree.Hash
	if err := openHash(&h, key[:], c.Value()); err != nil {
		return err
	}
	if h != want.hash {
		return fmt.Errorf("hash %d of the tree is %v, and its records have %v", want.index, h, want.hash)
	}
	return nil
}
