package gatebook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gatebook/internal/heads"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/boltfile"
)

// Rebuild makes the archive of a data folder again from its log. The process has locked the folder,
// and nobody has it open. The old archive stays until the new one is durable. progress is called
// with how many records were applied, of how many. It returns how many there are. A log that has lost records at its
// end, as its head or the old archive says, is refused: the old archive is the last to know of them. Errors:
// [*storage.CorruptError], [*migrations.OlderError], those of ctx and of the system.
func Rebuild(ctx context.Context, folder *storage.Folder, progress func(applied, of uint64) error) (records uint64, err error) {
	if err := checkRebuild(folder); err != nil {
		return 0, err
	}
	log, err := storage.OpenBolt(folder.Log(), storage.BoltOptions{})
	if err != nil {
		return 0, err
	}
	records = log.Head().Sequence
	path := folder.Archive() + ".again"
	if err = rebuildInto(ctx, log, path, progress); err == nil {
		err = os.Rename(path, folder.Archive())
	}
	if err != nil {
		return 0, fmt.Errorf("make %s again: %w", folder.Archive(), errors.Join(err, boltfile.RemoveIfThere(path), log.Close()))
	}
	return records, errors.Join(boltfile.SyncFolder(filepath.Dir(path)), log.Close())
}

// checkRebuild returns an error for a log that ends before its head or the archive says, and for a folder in the place
// of the archive that has files. An empty one is removed, as a start does.
func checkRebuild(folder *storage.Folder) error {
	log, err := storage.DescribeLog(folder.Log())
	if err == nil {
		err = checkAhead(folder, log)
	}
	if err == nil {
		err = heads.CheckStopped(folder, log, false)
	}
	if fault, ok := errors.AsType[*storage.CorruptError](err); ok {
		return fmt.Errorf("%s is not made again: %w; it is as it was", folder.Archive(), fault)
	}
	if err != nil {
		return err
	}
	if info, err := os.Lstat(folder.Archive()); err == nil && info.IsDir() {
		if err := os.Remove(folder.Archive()); err != nil {
			return fmt.Errorf("%s is a folder that cannot be removed (%w), and has to be a file or missing: move it away", folder.Archive(), err)
		}
	}
	return nil
}

// rebuildInto makes an archive of the whole log.
func rebuildInto(ctx context.Context, log *storage.Bolt, path string, progress func(applied, of uint64) error) error {
	if err := boltfile.RemoveIfThere(path); err != nil {
		return err
	}
	if err := storage.CreateArchive(path, log.ID(), projection.Tables()); err != nil {
		return err
	}
	archive, err := storage.OpenArchive(path, log.ID(), projection.Tables())
	if err != nil {
		return err
	}
	until, stopped := log.Head().Sequence, error(nil)
	err = foldLog(ctx, log, archive, until, func(at uint64) uint64 {
		if stopped = progress(at, until); stopped != nil {
			return at
		}
		return until
	})
	return errors.Join(stopped, err, archive.Close())
}
