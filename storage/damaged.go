package storage

import (
	"errors"

	"gatebook/storage/boltfile"
)

// DamageHook is called with damage that was met in the files of a log.
type DamageHook func(*CorruptError)

// met calls the hook where an error of a read is damage, and returns the error as it is.
func (c *chain) met(err error) error {
	if fault, ok := errors.AsType[*CorruptError](err); ok && c.damageHook != nil {
		c.damageHook(fault)
	}
	return err
}

// isDamage reports whether an error is a [*CorruptError].
func isDamage(err error) bool {
	_, ok := errors.AsType[*CorruptError](err)
	return ok
}

// openSealed opens the file of a segment that nobody writes. The error is a [*CorruptError] where
// it is missing: a log that is open had it.
func openSealed(s *segment) (*boltfile.File, error) {
	file, err := boltfile.OpenFile(s.path)
	if errors.Is(err, ErrNotExist) {
		err = missingSegment(s)
	}
	return file, err
}

// missingSegment returns the error for a segment whose file is not there.
func missingSegment(s *segment) *CorruptError {
	return &CorruptError{File: s.path, Sequence: s.first, Err: errors.New("it is missing; restore it from a copy")}
}
