package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/internal/owner"
	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
)

const (
	// upgradeSuffix is that of the file that a segment is written to while it is upgraded.
	upgradeSuffix = ".upgrade"
	// replacedSuffix, and the older format, end the name of a segment that was upgraded.
	replacedSuffix = ".format"
	// upgradeBytes is how many bytes of records an upgrade writes in a transaction.
	upgradeBytes = 4 << 20
)

// Upgraded is what an upgrade has done.
type Upgraded struct {
	// Segments is the number of segments that were made anew, From the oldest format of them,
	// 0 where none was.
	Segments int
	From     uint32
}

// Upgrade brings the log in a folder, which nobody has open, to the format that this program
// writes. Each segment of an older format is written to a new file, which gets the hashes of
// the tree too, is read back, and takes the segment's name. The records are copied as they are,
// so that seals and hashes of records stay what they were. The older file is kept beside it,
// until [RemoveReplaced]. A program that ends at any moment leaves a folder with which the next
// call goes on.
//
// progress is called with the bytes that were copied and all that there are. Errors:
// [ErrNotExist], [*CorruptError], [*migrations.NewerError], [ErrDiskFull], all wrapped, and that
// of ctx.
func Upgrade(ctx context.Context, folder string, progress Pace) (Upgraded, error) {
	u := &upgrader{check: newVerifier(ctx, nil), step: func(string) error { return nil }}
	return u.upgrade(ctx, folder, progress)
}

func (u *upgrader) upgrade(ctx context.Context, folder string, progress Pace) (Upgraded, error) {
	segments, err := listSegments(folder)
	if err != nil {
		return u.done, err
	}
	sizes := make([]int64, len(segments))
	for i, s := range segments {
		info, err := os.Stat(s.path)
		if err != nil {
			return u.done, fmt.Errorf("upgrade the log: %w", err)
		}
		sizes[i] = info.Size()
		u.of += sizes[i]
	}
	u.progress = func() error {
		if err := ctx.Err(); err != nil || progress == nil {
			return err
		}
		return progress(min(u.copied, u.of), u.of)
	}
	for i, s := range segments {
		next := uint64(0)
		if i+1 < len(segments) {
			next = segments[i+1].first
		}
		err := u.segment(s, next)
		if err == nil {
			u.finished += sizes[i]
			u.copied = u.finished
			err = u.progress()
		}
		if err != nil {
			return u.done, fmt.Errorf("upgrade %s: %w", s.path, diskFull(err))
		}
	}
	return u.done, nil
}

// RemoveReplaced removes the segments that upgrades of a log have kept.
func RemoveReplaced(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the segments that were upgraded: %w", err)
	}
	removed := false
	for _, e := range entries {
		name, _, found := strings.Cut(e.Name(), replacedSuffix)
		if _, ok := firstOf(name); !ok || !found {
			continue
		}
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return fmt.Errorf("remove a segment that was upgraded: %w", err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return boltfile.SyncFolder(folder)
}

// upgrader upgrades segments one after the other.
type upgrader struct {
	done Upgraded
	// copied and of are the bytes of the progress; finished those of whole segments.
	copied, finished, of int64
	progress             func() error
	// step is called at each step of a segment's upgrade.
	step func(name string) error
	// edge is the tree before the segment, check what reads the new files back.
	edge  tree.Frontier
	check *verifier
	coder events.Coder
	leaf  []byte
}

// segment upgrades one segment, if it is of an older format.
func (u *upgrader) segment(s *segment, next uint64) error {
	file, err := boltfile.OpenFile(s.path)
	if err != nil {
		return err
	}
	defer file.Close() // nothing is written
	r := file.Reader()
	m, err := readSegmentMeta(s.path, s.first, r)
	if err == nil && m.format >= migrations.TreeFormat {
		from := blockReader{path: s.path, coder: &u.coder}
		u.edge, err = frontierIn(&from, r, s.first, m.end.head.Sequence, &u.leaf)
	}
	r.Release()
	if err != nil {
		return err
	}
	if m.format >= migrations.TreeFormat {
		u.check.before = m.seal
		return nil
	}
	temporary := s.path + upgradeSuffix
	if err := u.write(s, &m, file, temporary); err != nil {
		return err
	}
	if err := u.readBack(&segment{path: temporary, first: s.first}, next); err != nil {
		return err
	}
	if err := u.swap(s.path, temporary, m.format); err != nil {
		return err
	}
	if u.done.Segments++; u.done.From == 0 || m.format < u.done.From {
		u.done.From = m.format
	}
	return nil
}

// readBack verifies a new file.
func (u *upgrader) readBack(s *segment, next uint64) error {
	if err := u.step("written"); err != nil {
		return err
	}
	var rest []*segment
	if next != 0 {
		rest = []*segment{{first: next}}
	}
	if err := u.check.segment(s, rest); err != nil {
		return err
	}
	if len(u.check.Faults) > 0 {
		return fmt.Errorf("its copy does not verify: %w", u.check.Faults[0])
	}
	u.edge.Set(&u.check.hashes.edge)
	return u.step("verified")
}

// swap puts a new file in the place of a segment, and keeps the older one.
func (u *upgrader) swap(path, temporary string, format uint32) error {
	kept := fmt.Sprintf("%s%s%d", path, replacedSuffix, format)
	// One that an earlier attempt has linked is linked anew: the segment may be another since.
	err := boltfile.RemoveIfThere(kept)
	if err == nil {
		err = os.Link(path, kept)
	}
	if err == nil {
		err = u.step("kept")
	}
	if err == nil {
		err = boltfile.SyncFolder(filepath.Dir(path))
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = u.step("renamed")
	}
	if err == nil {
		err = boltfile.SyncFolder(filepath.Dir(path))
	}
	return err
}

// write writes a segment to a new file, in transactions of bounded size.
func (u *upgrader) write(s *segment, m *segmentMeta, file *boltfile.File, path string) (err error) {
	if err := boltfile.RemoveIfThere(path); err != nil {
		return err
	}
	// The file has no name yet that anybody looks for: one sync at the end is enough.
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	c := &segmentCopy{upgrader: u, from: blockReader{path: s.path, coder: &u.coder}, m: m, last: s.first - 1}
	c.edge.Set(&u.edge)
	u.check.hashes.edge.Set(&u.edge)
	if err = owner.Keep(path); err == nil {
		err = db.Update(c.begin)
	}
	if err == nil {
		err = u.step("begun")
	}
	for err == nil && c.last < m.end.head.Sequence {
		err = c.batch(db, file)
		if err == nil {
			err = u.progress()
		}
	}
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// segmentCopy copies the records of one segment.
type segmentCopy struct {
	*upgrader
	from blockReader
	m    *segmentMeta
	edge tree.Frontier
	last uint64 // the record that was copied last
}

// begin fills what a segment has besides its records.
func (c *segmentCopy) begin(tx *bolt.Tx) error {
	meta, err := tx.CreateBucket([]byte(metaBucket))
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket([]byte(recordsBucket)); err != nil {
		return err
	}
	rows := map[string][]byte{formatKey: logFormat(), identityKey: c.m.id[:], endKey: c.m.end.append(nil)}
	if c.m.previous != nil {
		rows[previousKey] = c.m.previous.encode()
	}
	if c.m.seal != nil {
		rows[sealKey] = c.m.seal.encode()
	}
	for key, value := range rows {
		if err := meta.Put([]byte(key), value); err != nil {
			return err
		}
	}
	return createHashes(tx, &c.edge)
}

// batch copies some blocks.
func (c *segmentCopy) batch(db *bolt.DB, file *boltfile.File) error {
	r := file.Reader()
	defer r.Release()
	cursor, err := r.Bucket(recordsBucket)
	if err != nil {
		return c.from.corrupt(c.last+1, err)
	}
	found, err := cursor.Seek(sequenceKey(c.last + 1))
	if err == nil && !found {
		err = errors.New("it is missing")
	}
	if err != nil {
		return c.from.corrupt(c.last+1, err)
	}
	return db.Update(func(tx *bolt.Tx) error {
		records, hashes := tx.Bucket([]byte(recordsBucket)), tx.Bucket([]byte(hashesBucket))
		records.FillPercent, hashes.FillPercent = 1, 1
		for size := 0; err == nil && size < upgradeBytes && found; found, err = cursor.Next() {
			block := cursor.Value()
			if !bytes.Equal(cursor.Key(), sequenceKey(c.last+1)) {
				return c.from.corrupt(c.last+1, fmt.Errorf("key %x is in its place", cursor.Key()))
			}
			if err := records.Put(sequenceKey(c.last+1), block); err != nil {
				return err
			}
			if err := c.block(block, hashes); err != nil {
				return err
			}
			size += len(block)
			c.copied += int64(len(block))
		}
		return c.from.corrupt(c.last+1, err)
	})
}

// sequenceKey returns the key of the block that begins with a record.
func sequenceKey(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

// block adds the records of a block to the tree.
func (c *segmentCopy) block(block []byte, hashes *bolt.Bucket) error {
	for len(block) > 0 {
		record, rest, err := cutRecord(block)
		if err != nil {
			return c.from.corrupt(c.last+1, err)
		}
		if _, err := c.from.decode(c.last+1, record); err != nil {
			return err
		}
		h, err := leafHash(&c.leaf, c.last+1, record)
		if err != nil {
			return c.from.corrupt(c.last+1, err)
		}
		err = c.edge.Append(h, func(index int64, h tree.Hash) error { return putHash(hashes, index, h) })
		if err != nil {
			return err
		}
		block, c.last = rest, c.last+1
	}
	return nil
}
