package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"gatebook/events"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
)

// segment writes the file of a sealed segment, and reads its records meanwhile: the receiver need not wait
// for all of them at the end.
func (b *backupWriter) segment(s *segment) error {
	f, err := regular.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return missingSegment(s)
	}
	if err != nil {
		return fmt.Errorf("back up the log: %w", err)
	}
	m, size, err := b.look(s)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	check := &segmentCheck{backupWriter: b, segment: s, from: blockReader{path: s.path, coder: new(events.Coder)}, checked: s.first - 1}
	last := m.end.head.Sequence
	info, err := f.Stat()
	if err == nil {
		if err = b.header(path.Join(logFolder, filepath.Base(s.path)), info.Size()); err == nil {
			sent := int64(0)
			err = copyAll(b.ctx, b.tar, io.LimitReader(f, info.Size()), func(n int64) error {
				sent += n
				return check.upTo(s.first + uint64(float64(last-s.first)*min(float64(sent)/float64(max(size, 1)), 1)))
			})
		}
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Path == s.path {
		err = check.from.corrupt(0, err) // the disk cannot read it
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return check.upTo(last)
}

// segmentCheck reads the records of a segment that is sent, piece by piece.
type segmentCheck struct {
	*backupWriter
	segment *segment
	from    blockReader
	checked uint64 // the last record that was read
}

// upTo reads the records up to one. The first that is damaged is noted, and none is read after it.
func (c *segmentCheck) upTo(sequence uint64) error {
	if c.fault != nil || c.checked >= sequence {
		return nil
	}
	return c.note(c.segment.view(func(r *boltfile.Reader) error {
		err := c.from.stored(r, c.checked, func(at uint64, record []byte) (bool, error) {
			_, err := c.from.decode(at, record)
			c.checked = at
			return at < sequence, errors.Join(err, c.ctx.Err())
		})
		if err == nil && c.checked < sequence {
			err = c.from.corrupt(c.checked+1, errors.New("it is missing"))
		}
		return err
	}))
}

// note keeps the first damage that was sent. It returns other errors.
func (b *backupWriter) note(err error) error {
	if !isDamage(err) {
		return err
	}
	if b.fault == nil {
		b.fault = err
	}
	return nil
}

// records writes the records of a segment up to the backup's head, in pieces. Each is read under
// a transaction of its own, and written without one.
func (b *backupWriter) records(s *segment) error {
	from := blockReader{path: s.path, coder: new(events.Coder)}
	var piece []byte
	for after := s.first - 1; after < b.plan.Sequence; {
		began := after
		piece = piece[:0]
		err := s.view(func(r *boltfile.Reader) error {
			return from.stored(r, began, func(sequence uint64, record []byte) (bool, error) {
				piece = appendRecord(piece, record)
				after = sequence
				if _, err := from.decode(sequence, record); b.note(err) != nil {
					return false, err
				}
				return len(piece) < pieceBytes && sequence < b.plan.Sequence, nil
			})
		})
		if err == nil && after == began {
			err = from.corrupt(after+1, errors.New("it is missing"))
		}
		if err == nil {
			err = b.bytes(fmt.Sprintf("%s%0*d", recordsEntry, segmentDigits, began+1), piece)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
