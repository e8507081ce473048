package storage

import (
	"errors"
	"io/fs"

	"gatebook/internal/regular"
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

// forbidden returns the [*CorruptError] of a segment of an open log whose file this process may not use: the log was
// opened without it. It returns any other error as it is. Without an open log such a file ends the command instead: run
// as the right user it finds the segment whole.
func forbidden(s *segment, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return &CorruptError{File: s.path, Sequence: s.first, Err: &ForbiddenError{regular.Explain(err).Error()}}
}

// ForbiddenError reports a file that this process may not use.
type ForbiddenError struct{ text string }

// Error says whose the file is, and what would be right.
func (e *ForbiddenError) Error() string { return e.text }

// missingSegment returns the error for a segment whose file is not there.
func missingSegment(s *segment) *CorruptError {
	return &CorruptError{File: s.path, Sequence: s.first, Err: errors.New("it is missing; restore it from a copy")}
}
