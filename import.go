package gatebook

import (
	"context"
	"errors"
	"time"

	"gatebook/storage"
)

// FinishImport makes a data folder of one that an import has filled with a log ([storage.Folder.Fill]), as
// [Restore] does with a backup: the log may have gone on after its export, so it records log_restored, marks the
// sessions that lived as lost, signs the log with a new key where the log names one, and makes the archive. The
// next session gets an id that the log has not given meanwhile: an export without records does not say when it was
// written, and counts as one of the time of the first version. It gives the folder back.
func FinishImport(ctx context.Context, folder *storage.Folder, o RestoreOptions) (*Restored, error) {
	r := newRestore(o)
	r.folder = folder
	log, err := storage.DescribeLog(folder.Log())
	if err == nil {
		r.result.Backup = storage.BackupMark{Sequence: log.Head.Sequence, Recorded: log.Head.Recorded, Taken: log.Head.Recorded.Time()}
		err = r.choose(log.Head)
	}
	if err == nil {
		err = r.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, folder.Unlock())
	}
	return &r.result, r.open(ctx)
}

// newRestore returns a restore with its options completed.
func newRestore(o RestoreOptions) *restore {
	if o.Options.Now == nil {
		o.Options.Now = time.Now
	}
	if o.Options.Report == nil {
		o.Options.Report = func(error) {}
	}
	return &restore{RestoreOptions: o}
}
