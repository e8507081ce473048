package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook"
	"gatebook/internal/shell"
	"gatebook/storage"
)

// withStopped calls do with a data folder that is locked. It refuses one that a server has open, a
// backup, and one that was not restored to the end.
func (c *folderCommand) withStopped(ctx context.Context, do func(*storage.Folder) error) error {
	path, err := c.folder()
	if err != nil {
		return err
	}
	served, err := dialControl(ctx, path)
	if err != nil {
		return err
	}
	if served != nil {
		served.Close()
		return fmt.Errorf("a server has the data folder %s open: stop it first", path)
	}
	locked, err := storage.LockExisting(path)
	if err != nil {
		return err
	}
	if err = errors.Join(locked.CheckUsable(), locked.CheckOwner()); err == nil {
		err = do(locked)
	}
	return errors.Join(err, locked.Unlock())
}

// rebuildCommand are the arguments of rebuild.
type rebuildCommand struct {
	folderCommand `embed:""`
}

// Help returns what --help adds.
func (rebuildCommand) Help() string {
	return `Makes book.db again from the log. A server does that by itself where book.db is missing or damaged, also while it runs. With this command it
is done before a server starts.

Example:
  gatebook rebuild --data /var/lib/gatebook`
}

// Run makes book.db again.
func (c *rebuildCommand) Run(ctx context.Context, to *streams) error {
	return c.withStopped(ctx, func(folder *storage.Folder) error {
		began, progress := time.Now(), newProgressBar(to.err)
		records, err := gatebook.Rebuild(ctx, folder, func(applied, of uint64) error {
			progress.showRecords(applied, of)
			return nil
		})
		progress.end()
		if err != nil {
			return brokenOff(err, "book.db is as it was; run gatebook rebuild again, or start the server, which does it")
		}
		fmt.Fprintf(to.out, "rebuilt: %s from %s in %s\n", folder.Archive(), counted(int(records), "record"), time.Since(began).Round(10*time.Millisecond))
		return nil
	})
}

// compactCommand are the arguments of compact.
type compactCommand struct {
	folderCommand `embed:""`
}

// Help returns what --help adds.
func (compactCommand) Help() string {
	return `Writes the segments of the log and book.db anew without the pages that are not in use, where that makes them smaller by a twentieth at
least. Records, seals and hashes stay as they are. It needs room for the largest of the files. No server may run.

Example:
  gatebook compact --data /var/lib/gatebook`
}

// Run compacts the files.
func (c *compactCommand) Run(ctx context.Context, to *streams) error {
	return c.withStopped(ctx, func(folder *storage.Folder) error {
		progress := newProgressBar(to.err)
		done, err := storage.Compact(ctx, folder, progress.pace)
		progress.end()
		if fault, ok := errors.AsType[*storage.CorruptError](err); ok && fault.File == folder.Archive() {
			return fmt.Errorf("%w; make it again from the log with gatebook rebuild --data %s, and run gatebook compact again", err, shell.Quote(folder.Path))
		}
		if err != nil {
			return brokenOff(err, "each file is as it was or compacted; gatebook compact goes on")
		}
		if done.Files == 0 {
			fmt.Fprintf(to.out, "compacted: nothing, %s take %s and have nothing to gain\n", counted(done.Of, "file"), bytesText(done.Before))
			return nil
		}
		fmt.Fprintf(to.out, "compacted: %d of %s, from %s to %s\n", done.Files, counted(done.Of, "file"), bytesText(done.Before), bytesText(done.After))
		return nil
	})
}
