package migrations

import "fmt"

// The formats that this program writes.
const (
	// LogFormat is the format of the log's segments: in 2 a record has a personal part for the
	// person it is about, and one for who acted; from 3 on a segment has the hashes of the
	// tree over its records, and the log can have the event log_restored.
	LogFormat = 3
	// TreeFormat is the first format of a log whose segments have hashes. A program that
	// writes makes those of older formats anew; see [OlderError].
	TreeFormat = 3
	// ArchiveFormat is the format of book.db.
	ArchiveFormat = 11
)

// NewerError reports a file that a newer program wrote.
type NewerError struct {
	File         string
	Format, Know uint32
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has format %d, this gatebook knows formats up to %d: use the version that wrote it, or a newer one", e.File, e.Format, e.Know)
}

// OlderError reports a file of an older format, which has to be upgraded before it is
// written to.
type OlderError struct {
	File           string
	Format, Writes uint32
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("%s has format %d, this gatebook writes format %d: bring the log up to date with gatebook migrate, or start a server in its folder", e.File, e.Format, e.Writes)
}

// OtherFormatError reports an archive of another format than this program's. It is not
// damaged, and is made again from the log.
type OtherFormatError struct {
	File         string
	Format, Uses uint32
}

func (e *OtherFormatError) Error() string {
	than := "older"
	if e.Format > e.Uses {
		than = "newer"
	}
	return fmt.Sprintf("%s has format %d, which is %s than the format %d of this gatebook", e.File, e.Format, than, e.Uses)
}

// CheckArchive returns an error if this program does not use archives of the given format.
func CheckArchive(file string, format uint32) error {
	if format != ArchiveFormat {
		return &OtherFormatError{File: file, Format: format, Uses: ArchiveFormat}
	}
	return nil
}

// CheckLog returns an error if this program cannot use a log of the given format.
func CheckLog(file string, format uint32) error {
	if format > LogFormat {
		return &NewerError{File: file, Format: format, Know: LogFormat}
	}
	if format == 0 {
		return fmt.Errorf("%s has format 0, which does not exist", file)
	}
	return nil
}
