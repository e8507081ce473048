package storage

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"gatebook/storage/boltfile"
)

// Salvage copies the records of a damaged log up to its first fault into a new log, of the
// same identity, in a folder that must not exist. It returns the end of the copy, and the
// fault; nil where all was copied.
func Salvage(ctx context.Context, from, to string, pace Pace) (end Head, fault *CorruptError, err error) {
	segments, err := segmentsIn(from)
	if err != nil {
		return end, nil, err
	}
	c := &copier{to: to, verifier: newVerifier(ctx, pace)}
	for s := segments[0]; s != nil; s = c.after(from, s, segments) {
		if err = c.copy(s); err != nil || len(c.Faults) > 0 {
			break
		}
	}
	if err == nil && len(c.Faults) == 0 {
		c.Head = c.end
		err = c.tail(from)
	}
	if c.log != nil {
		end, err = c.log.writer.head, errors.Join(err, c.log.Close())
	}
	if len(c.Faults) > 0 {
		fault = c.Faults[0]
	}
	return end, fault, err
}

// copier verifies segments and copies their records into another log.
type copier struct {
	*verifier
	to  string
	log *Bolt // nil before the first segment

	values [][]byte
	end    Head
}

// after returns the segment that follows what was copied, the last of it from one; nil where none
// does. Files that do not belong there are passed over. A segment that is missing is a fault.
func (c *copier) after(folder string, copied *segment, segments []*segment) (next *segment) {
	beyond := false
	for _, s := range segments {
		if s.first == c.end.Sequence+1 && s != copied { // that has no records
			return s
		}
		beyond = beyond || s.first > c.end.Sequence+1
	}
	if beyond {
		missing := filepath.Join(folder, segmentName(c.end.Sequence+1))
		c.Faults = append(c.Faults, &CorruptError{File: missing, Sequence: c.end.Sequence + 1, Err: errors.New("it is missing")})
	}
	return nil
}

// copy copies the records of a segment up to its first fault.
func (c *copier) copy(s *segment) error {
	view, done, err := s.viewer()
	if err != nil {
		return c.fault(err)
	}
	defer done()
	m, err := view.meta(s)
	if err != nil {
		return c.fault(err)
	}
	if err := c.link(s, &m, nil); err != nil || len(c.Faults) > 0 {
		return err
	}
	c.before, c.newest = m.seal, &m
	if c.log == nil {
		if err := c.begin(&m); err != nil {
			return err
		}
	}
	return c.records(s, &m, view)
}

// begin creates the log that is copied to.
func (c *copier) begin(m *segmentMeta) (err error) {
	if err = createLog(c.to, m.id, nil); err == nil {
		c.log, err = OpenBolt(c.to, BoltOptions{})
	}
	if err == nil && len(m.keys) > 0 {
		c.log.BeginSigning(m.keys[0].Public)
	}
	return err
}

// records copies the records of a segment, a page to a commit.
func (c *copier) records(s *segment, m *segmentMeta, view viewFunc) error {
	from := blockReader{path: s.path, coder: &c.coder}
	for last := m.end.head.Sequence; c.end.Sequence < last; {
		began := c.end
		c.values = c.values[:0]
		err := view(func(r *boltfile.Reader) error {
			return from.stored(r, began.Sequence, func(sequence uint64, stored []byte) (bool, error) {
				record, err := from.decode(sequence, stored)
				if err != nil {
					return false, err
				}
				c.end = Head{Sequence: sequence, Recorded: max(c.end.Recorded, record.Recorded), Stream: max(c.end.Stream, streamOf(&record))}
				c.values = append(c.values, slices.Clone(stored))
				return len(c.values) < verifiedPage && sequence < last, nil
			})
		})
		if len(c.values) > 0 {
			if err := c.log.commit(c.end, c.values); err != nil {
				return err
			}
		} else if err == nil {
			err = from.corrupt(began.Sequence+1, errors.New("it is missing"))
		}
		if err != nil {
			return c.fault(err)
		}
		if err := c.step(); err != nil {
			return err
		}
	}
	return c.ends(s, m, view)
}
