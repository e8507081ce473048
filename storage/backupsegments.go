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

// segment writes the file of a sealed segment.
func (b *backupWriter) segment(s *segment) error {
	f, err := regular.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return missingSegment(s)
	}
	if err != nil {
		return fmt.Errorf("back up the log: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		if err = b.header(path.Join(logFolder, filepath.Base(s.path)), info.Size()); err == nil {
			err = copyAll(b.ctx, b.tar, io.LimitReader(f, info.Size()), nil)
		}
	}
	from := blockReader{path: s.path, coder: new(events.Coder)}
	if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Path == s.path {
		err = from.corrupt(0, err) // the disk cannot read it
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return b.note(s.view(func(r *boltfile.Reader) error {
		return from.stored(r, s.first-1, func(sequence uint64, record []byte) (bool, error) {
			_, err := from.decode(sequence, record)
			return true, errors.Join(err, b.ctx.Err())
		})
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
