package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	berrors "go.etcd.io/bbolt/errors"

	"gatebook/events"
	"gatebook/storage/boltfile"
)

// SegmentInfo is what a segment of a log says of itself.
type SegmentInfo struct {
	File string
	// First and Last are the sequences of its records. Last is before First in an empty one.
	First, Last uint64
	// Recorded is the time of its last record, Bytes the size of its file.
	Recorded events.Time
	Bytes    int64
	Format   uint32
	// Sealed is false for the one that is written.
	Sealed bool
}

// LogInfo is what the segments of a log say of themselves.
type LogInfo struct {
	ID       [16]byte
	Head     Head
	First    events.Time // of the first record, 0 in an empty log
	Segments []SegmentInfo
}

// DescribeLog describes the log in a folder, which no process has open. It reads one record.
// Errors: [ErrNotExist], [*CorruptError], [*migrations.NewerError], all wrapped.
func DescribeLog(folder string) (*LogInfo, error) {
	segments, err := listSegments(folder)
	if err != nil {
		return nil, err
	}
	return describe(segments)
}

// Describe describes the log as of now. It holds up neither appends nor reads.
func (l *Bolt) Describe() (*LogInfo, error) {
	info, err := describe(l.segments())
	return info, l.chain.met(err)
}

func describe(segments []*segment) (*LogInfo, error) {
	info := &LogInfo{Segments: make([]SegmentInfo, len(segments))}
	for i, s := range segments {
		var m segmentMeta
		err := s.view(func(r *boltfile.Reader) (err error) {
			if m, err = readSegmentMeta(s.path, s.first, r); err != nil || i > 0 || m.end.head.Sequence == 0 {
				return err
			}
			info.First, err = firstRecorded(s, r)
			return err
		})
		if err != nil {
			return nil, err
		}
		file, err := os.Stat(s.path)
		if err != nil {
			return nil, fmt.Errorf("describe the log: %w", err)
		}
		info.ID, info.Head = m.id, m.end.head
		info.Segments[i] = SegmentInfo{
			File: filepath.Base(s.path), First: s.first, Last: m.end.head.Sequence, Recorded: m.end.head.Recorded,
			Bytes: file.Size(), Format: m.format, Sealed: m.seal != nil,
		}
	}
	return info, nil
}

// firstRecorded returns the time of the first record of a segment.
func firstRecorded(s *segment, r *boltfile.Reader) (events.Time, error) {
	var one [1]events.Record
	from := blockReader{path: s.path, coder: new(events.Coder)}
	n, err := from.records(r, s.first-1, one[:])
	if err == nil && n == 0 {
		err = from.corrupt(s.first, errors.New("it is missing"))
	}
	return one[0].Recorded, err
}

// view calls f with a reader of the segment, whether it is written or sealed.
func (s *segment) view(f func(*boltfile.Reader) error) error {
	if db := s.db.Load(); db != nil {
		_, err := readLive(db, func(r *boltfile.Reader) (int, error) { return 0, f(r) })
		if db.Err() == nil && !errors.Is(err, berrors.ErrDatabaseNotOpen) {
			return err
		} // it was sealed meanwhile, or bbolt has failed, and nobody writes it any more
	}
	file, err := openSealed(s)
	if err != nil {
		return err
	}
	r := file.Reader()
	err = f(r)
	r.Release()
	return errors.Join(err, file.Close())
}

// TableInfo is how large a table of an archive is.
type TableInfo struct {
	Name  string
	Rows  uint64
	Bytes int64 // of keys and values
}

// indexesName is the name under which [Archive.Measure] returns the indexes.
const indexesName = "indexes"

// measuredPage is how many rows [Archive.Measure] reads from one snapshot.
const measuredPage = 4096

// Measure returns how large the tables are, the indexes as one. It reads all rows, a page from
// each snapshot: while the archive changes, the figures are of no single moment. Errors: that
// of ctx, [ErrRebuilding].
func (a *Archive) Measure(ctx context.Context) ([]TableInfo, error) {
	names := make(map[byte]string, len(a.tables)+1)
	for name, first := range a.tables {
		names[first] = name
	}
	names[indexTable] = indexesName
	sizes := make(map[byte]*TableInfo)
	for next := []byte{0}; next != nil; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if next, err = a.measurePage(next, func(key, value []byte) {
			t := sizes[key[0]]
			if t == nil {
				t = &TableInfo{Name: names[key[0]]}
				sizes[key[0]] = t
			}
			t.Rows++
			t.Bytes += int64(len(key) + len(value))
		}); err != nil {
			return nil, err
		}
	}
	all := make([]TableInfo, 0, len(sizes))
	for _, t := range sizes {
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b TableInfo) int { return int(min(max(b.Bytes-a.Bytes, -1), 1)) })
	return all, nil
}

// measurePage calls row for the rows of a page, from a key on, and returns the key at which the
// next page begins, nil after the last row.
func (a *Archive) measurePage(from []byte, row func(key, value []byte)) (next []byte, err error) {
	s, err := a.Snapshot()
	if err != nil {
		return nil, err
	}
	n := 0
	err = s.read(func() error {
		return s.tree.Scan(from, func(key, value []byte) (bool, error) {
			if n++; n > measuredPage {
				next = slices.Clone(key)
				return false, nil
			}
			row(key, value)
			return true, nil
		})
	})
	return next, errors.Join(err, s.Close())
}
