package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gatebook"
	"gatebook/cmd/gatebook/internal/interchange"
	"gatebook/storage"
)

// importCommand are the arguments of import.
type importCommand struct {
	File string `arg:"" help:"File that gatebook export has written; - reads standard input."`

	folderCommand `embed:""`
}

// Help returns what --help adds.
func (importCommand) Help() string {
	return `The data folder has to be empty, or not to exist. Each line is checked against the bytes in it, and all of them against the root of
the tree in the last one. A line that was changed is refused by its number, and nothing is imported then. The log is byte for byte the one
that was exported; accounts and keys are not in it.

Example:
  gatebook import book.ndjson --data /var/lib/gatebook`
}

// Run imports a log.
func (c *importCommand) Run(ctx context.Context, to *streams) error {
	folder, err := c.folder()
	if err != nil {
		return err
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
	var keys []string
	if err == nil {
		keys, err = gatebook.FolderKeys(locked)
	}
	if err := errors.Join(err, locked.Unlock()); err != nil {
		return err
	}
	fmt.Fprintf(to.out, "imported: %s into %s\n", counted(int(records), "record"), folder)
	if len(keys) > 0 {
		fmt.Fprintf(to.out, "The log names a key that signs it, which no export has: put the files key and head into the folder, or sign it with a new key (gatebook key rotate --force --data %s).\n", folder)
	}
	return nil
}

// fill fills a folder with the log that is read.
func (c *importCommand) fill(ctx context.Context, from io.Reader, folder *storage.Folder, read func(n int64) error) (uint64, error) {
	if err := folder.Fill("import"); err != nil {
		return 0, err
	}
	records, err := interchange.Read(ctx, from, folder.Log(), read)
	if err != nil {
		return 0, fmt.Errorf("%w; nothing is imported", err)
	}
	if _, err := gatebook.Rebuild(ctx, folder, func(uint64, uint64) error { return nil }); err != nil {
		return 0, err
	}
	return records, folder.Filled()
}
