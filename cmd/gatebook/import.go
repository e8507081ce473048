package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gatebook"
	"gatebook/cmd/gatebook/internal/interchange"
	"gatebook/httpd/control"
	"gatebook/internal/shell"
	"gatebook/storage"
)

// importCommand are the arguments of import.
type importCommand struct {
	File   string `arg:"" help:"File that gatebook export has written; - reads standard input."`
	NextID uint64 `help:"Id of the next session. Without it all ids are left out that may have been given since the log's last record." placeholder:"ID" xor:"next"`
	AsIs   bool   `help:"Record nothing, so that the log is the exported one and no more. A server that runs in it gives ids of sessions again that the log gave after its export." xor:"next"`

	folderCommand `embed:""`
}

// Help returns what --help adds.
func (importCommand) Help() string {
	return `The data folder has to be empty, or not to exist. Each line is checked against the bytes in it, and all of them against the root of
the tree in the last one. A line that was changed is refused by its number, and nothing is imported then. Each record is byte for byte the
one that was exported; accounts and the private key are not in it.

The log may have gone on after its export. So the import is on the record as a restore is (log_restored), sessions that lived are
lost, the next session gets an id beyond all that may have been given since the last record, and the log is signed with a new key. A
record says so (key_rotated). An export of an older version lacks the first key where it was never rotated: heads that were kept of the
original do not verify then, and no record names the new key. An export without records does not say how old it is: ids begin beyond all that may have been given since the first version. With --as-is nothing is recorded: for a log that is read and compared, or one whose key and head are put into the folder.

An import that did not finish leaves a folder that no other command takes; import again.

Example:
  gatebook import book.ndjson --data /var/lib/gatebook`
}

// Run imports a log.
func (c *importCommand) Run(ctx context.Context, to *streams) error {
	folder, err := c.folder()
	if err != nil {
		return err
	}
	if c.NextID != 0 { // before an hour of reading
		if err := gatebook.CheckNextSession(c.NextID); err != nil {
			return err
		}
	}
	in, size := os.Stdin, int64(0)
	if c.File != "-" {
		if in, err = os.Open(c.File); err != nil {
			return err
		}
		defer in.Close()
		if info, err := in.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
	}
	locked, err := storage.LockFolder(folder)
	if err != nil {
		return err
	}
	progress := newProgressBar(to.err)
	records, err := c.fill(ctx, in, locked, func(n int64) error {
		progress.show(n, size)
		return nil
	})
	progress.end()
	if err != nil {
		return unfilled(errors.Join(err, locked.Unlock()), folder)
	}
	if c.AsIs {
		return unfilled(errors.Join(c.leave(ctx, locked, records, to), locked.Unlock()), folder)
	}
	done, err := gatebook.FinishImport(ctx, locked, gatebook.RestoreOptions{
		By: control.Actor(os.Geteuid()), NextSession: c.NextID,
		Options: gatebook.Options{Report: func(err error) { fmt.Fprintf(to.err, "gatebook: %s\n", oneLine(err)) }},
	})
	if err != nil {
		return unfilled(err, folder)
	}
	key := "signed with a new first key, which no record names"
	if done.NewKeyRecorded {
		key = "signed with a new key, as the record key_rotated says"
	}
	last := "without a record"
	if records > 0 {
		last = "as of " + done.Taken.UTC().Format(exact)
	}
	fmt.Fprintf(to.out, "imported: %s into %s, %s, %s; %s lost, the next session is %d\n",
		counted(int(records), "record"), folder, last, key, counted(done.Lost, "session"), done.NextSession)
	return nil
}

// fill fills a folder with the log that is read.
func (c *importCommand) fill(ctx context.Context, from io.Reader, folder *storage.Folder, read func(n int64) error) (uint64, error) {
	if err := folder.Fill("import"); err != nil {
		return 0, err
	}
	records, err := interchange.Read(ctx, from, folder, c.NextID, read)
	if err != nil {
		return 0, fmt.Errorf("%w; nothing is imported", err)
	}
	return records, nil
}

// leave completes a folder whose log is left as it is.
func (c *importCommand) leave(ctx context.Context, folder *storage.Folder, records uint64, to *streams) error {
	_, err := gatebook.Rebuild(ctx, folder, func(uint64, uint64) error { return nil })
	if err == nil {
		err = folder.Filled()
	}
	if err != nil {
		return err
	}
	keys, err := gatebook.FolderKeys(folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(to.out, "imported: %s into %s, as is; a server that runs in it gives ids of sessions again that the log gave after its export\n", counted(int(records), "record"), folder.Path)
	if len(keys) > 0 {
		fmt.Fprintf(to.out, "The log names a key that signs it, which no export has: put the file key into the folder, and head where it is missing, or sign it with a new key (gatebook key rotate --force --data %s).\n", shell.Quote(folder.Path))
	}
	return nil
}
