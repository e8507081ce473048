package gatebook

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gatebook/internal/heads"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// Salvaged is what [Salvage] has done.
type Salvaged struct {
	Restored
	// Fault is the first fault of the log, before which all was copied; nil where it was whole.
	Fault *storage.CorruptError
}

// Salvage makes a data folder of the records of a damaged log before its first fault, in a folder that is empty or does
// not exist. The process has locked the other folder, which can be a backup, and changes nothing in it.
//
// The log has given ids of sessions in the records that are left, and a backup since it was made. So Salvage does what
// [Restore] does: it records log_restored, leaves out the ids that may have been given, signs the log with a new key,
// and marks the sessions that lived as lost. Until it has finished nobody can open the folder; done again it begins
// anew. Where nothing is whole the error is a [*storage.CorruptError], and nothing is left in the folder.
func Salvage(ctx context.Context, from *storage.Folder, folder string, o RestoreOptions) (*Salvaged, error) {
	target, err := storage.LockFolder(folder)
	if err != nil {
		return nil, err
	}
	s := &salvage{restore: newRestore(o), from: from}
	s.folder = target
	fault, err := s.copy(ctx)
	if err == nil {
		err = s.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, target.Unlock())
	}
	err = s.open(ctx)
	return &Salvaged{Restored: s.result, Fault: fault}, err
}

// salvage salvages one log.
type salvage struct {
	*restore
	from *storage.Folder
}

// copy copies what is whole, and chooses the next session.
func (s *salvage) copy(ctx context.Context) (*storage.CorruptError, error) {
	if err := s.folder.Fill("verify --salvage"); err != nil {
		return nil, err
	}
	end, fault, err := storage.Salvage(ctx, s.from.Log(), s.folder.Log(), s.Pace)
	if err == nil && fault != nil && end.Sequence == 0 {
		return nil, errors.Join(fault, os.RemoveAll(s.folder.Log()), s.folder.Filled())
	}
	if err == nil && end.Sequence > 0 {
		err = s.head()
	}
	if err != nil {
		return nil, err
	}
	s.result.Backup = storage.BackupMark{Sequence: end.Sequence, Recorded: end.Recorded, Taken: end.Recorded.Time()}
	s.known(end)
	return fault, s.choose(end)
}

// head copies the newest head, which the record of the new key is to have. One that cannot be read is left.
func (s *salvage) head() error {
	signed, err := treehead.ReadFile(s.from.Head())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.Options.Report(fmt.Errorf("the newest head of the log is not in the copy: %w", err))
		return nil
	}
	return treehead.WriteFile(s.folder.Head(), signed)
}

// known notes how many records and sessions the damaged log had, as far as that can be read.
func (s *salvage) known(end storage.Head) {
	if log, err := storage.DescribeLog(s.from.Log()); err == nil {
		s.given = max(s.given, log.Head.Stream)
		s.knownRecords(end, log.Head.Sequence)
	}
	if keys, err := heads.KeysOfFolder(s.from); err == nil {
		if signed, err := treehead.ReadFile(s.from.Head()); err == nil {
			if head, err := keys.Open(signed); err == nil {
				s.knownRecords(end, head.Size)
			}
		}
	}
}
