package gatebook

import (
	"fmt"

	"gatebook/internal/heads"
	"gatebook/projection"
	"gatebook/storage"
)

// CheckEnd returns an error for the log of a data folder or a backup, which this process has locked and nobody has
// open, that has lost records at its end, as the folder says: the file tail in the log, the head, the mark of a
// backup, or book.db. It also returns one for a head that is missing or is not the log's. It reads few records, and finds
// no damage before the end. Errors: [*storage.CorruptError] and those of the system.
func CheckEnd(folder *storage.Folder) error {
	log, err := storage.DescribeLog(folder.Log())
	if err == nil {
		err = folder.CheckEnd(log)
	}
	if err == nil {
		err = checkAhead(folder, log)
	}
	if err != nil {
		return err
	}
	// A backup of before backups had a list of their files can lack the head.
	mark, err := storage.ReadBackupMark(folder.Path)
	return heads.CheckStopped(folder, log, err != nil || mark.Files != nil)
}

// checkAhead returns a [*storage.CorruptError] for a log that ends before the record up to which the archive in its
// folder was made. An archive that is missing, damaged or of another log says nothing.
func checkAhead(folder *storage.Folder, log *storage.LogInfo) error {
	position, err := storage.ArchivePosition(folder.Archive(), log.ID, projection.Tables())
	if err == nil && position > log.Head.Sequence {
		return aheadError(folder, log.Head.Sequence, position)
	}
	return nil
}

// aheadError returns the error for a log that ends before the record up to which the archive was made from it.
func aheadError(folder *storage.Folder, end, position uint64) error {
	return &storage.CorruptError{File: folder.Log(), Err: fmt.Errorf(
		"it ends at record %d, but %s was made from it up to record %d; restore the log, or move that file away to go on without the difference",
		end, folder.Archive(), position)}
}
