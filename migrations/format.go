package migrations

import "fmt"

// The formats this program writes.
const (
	// LogFormat is that of log.db.
	LogFormat = 1
	// ArchiveFormat is that of book.db.
	ArchiveFormat = 4
)

// NewerError tells that a file was written by a newer program.
type NewerError struct {
	File         string
	Format, Know uint32
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has format %d, this gatebook knows formats up to %d: use the version that wrote it, or a newer one", e.File, e.Format, e.Know)
}

// CheckLog tells whether this program can use a log of the given format.
func CheckLog(file string, format uint32) error {
	if format > LogFormat {
		return &NewerError{File: file, Format: format, Know: LogFormat}
	}
	if format == 0 {
		return fmt.Errorf("%s has format 0, which does not exist", file)
	}
	return nil
}
