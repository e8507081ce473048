package gatebook

import (
	"context"
	"errors"
	"io"

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
	// Accounts checks the content of the accounts; nil for no check.
	Accounts func(content []byte) error
	// Version is that of the program.
	Version string
}

// Backup writes the log as of now to a stream, which [storage.BackupFolder.Receive] takes, and
// the files beside it that belong to a backup. It can be slow: nothing waits for it. Errors:
// [*storage.OtherHistoryError], [*storage.SideFileError], [ErrClosed], [ErrNoFiles], those of ctx, of
// the stream and of the files.
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

// CheckBackup returns the error of a [Registry.Backup] that could not have the files beside the log.
func (r *Registry) CheckBackup(ctx context.Context, o BackupOptions) error {
	if !r.calls.Enter() {
		return ErrClosed
	}
	defer r.calls.Leave()
	log, ok := r.log.(*storage.Bolt)
	if !ok {
		return ErrNoFiles
	}
	return log.CheckSideFiles(ctx, o.request(r.folder))
}

// Backup is [Registry.Backup] of a data folder that this process has locked and nobody has open.
func Backup(ctx context.Context, folder *storage.Folder, to io.Writer, o BackupOptions) (*storage.BackupPlan, error) {
	log, err := openForBackup(folder)
	if err != nil {
		return nil, err
	}
	plan, err := log.Backup(ctx, to, o.request(folder))
	return plan, errors.Join(err, log.Close())
}

// CheckBackup returns the error of a [Backup] that would fail before it has written anything.
func CheckBackup(ctx context.Context, folder *storage.Folder, o BackupOptions) error {
	log, err := openForBackup(folder)
	if err != nil {
		return err
	}
	return errors.Join(log.CheckSideFiles(ctx, o.request(folder)), log.Close())
}

func openForBackup(folder *storage.Folder) (*storage.Bolt, error) {
	if err := folder.CheckUsable(); err != nil {
		return nil, err
	}
	return storage.OpenBolt(folder.Log(), storage.BoltOptions{})
}

// request returns what is asked of the log of a folder.
func (o BackupOptions) request(folder *storage.Folder) storage.BackupRequest {
	return storage.BackupRequest{From: o.From, Seal: o.Seal, Folder: folder.Path, Version: o.Version, Secrets: o.Secrets, Accounts: o.Accounts}
}
