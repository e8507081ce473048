package gatebook

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"gatebook/storage"
)

// BackupOptions say what a backup is to have.
type BackupOptions struct {
	// From is where the first segment begins that the backup does not have, 1 for all of the log;
	// Seal is the hash of the seal of the segment before.
	From uint64
	Seal [32]byte
	// Secrets adds the key that heads are signed with, and the accounts.
	Secrets bool
	// Version is that of the program.
	Version string
}

// Backup writes the log as of now to a stream, which [storage.BackupFolder.Receive] takes, and
// the files beside it that belong to a backup. It can be slow: nothing waits for it. Errors:
// [*storage.OtherHistoryError], [ErrClosed], [ErrNoFiles], those of ctx, of the stream and of
// the files.
func (r *Registry) Backup(ctx context.Context, to io.Writer, o BackupOptions) (*storage.BackupPlan, error) {
	if !r.calls.Enter() {
		return nil, ErrClosed
	}
	defer r.calls.Leave()
	log, ok := r.log.(*storage.Bolt)
	if !ok {
		return nil, ErrNoFiles
	}
	return log.Backup(ctx, to, o.request(r.folder))
}

// Backup is [Registry.Backup] of a data folder that this process has locked and nobody has open.
func Backup(ctx context.Context, folder *storage.Folder, to io.Writer, o BackupOptions) (*storage.BackupPlan, error) {
	if err := folder.CheckUsable(); err != nil {
		return nil, err
	}
	log, err := storage.OpenBolt(folder.Log(), storage.BoltOptions{})
	if err != nil {
		return nil, err
	}
	plan, err := log.Backup(ctx, to, o.request(folder))
	return plan, errors.Join(err, log.Close())
}

// request returns what is asked of the log of a folder.
func (o BackupOptions) request(folder *storage.Folder) storage.BackupRequest {
	files := []string{filepath.Join(folder.Path, storage.HeadFile)}
	if o.Secrets {
		files = append(files, filepath.Join(folder.Path, storage.KeyFile), filepath.Join(folder.Path, storage.AccountsFile))
	}
	return storage.BackupRequest{From: o.From, Seal: o.Seal, Files: files, Version: o.Version, Secrets: o.Secrets}
}
