package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gatebook"
	"gatebook/cmd/gatebook/internal/interchange"
	"gatebook/storage"
)

// exportCommand are the arguments of export.
type exportCommand struct {
	Format string `help:"What is written: ${enum}. ndjson has every record of the log, csv the sessions." enum:"ndjson,csv" default:"ndjson"`
	Out    string `help:"File to write, which must not exist. Without it, and with -, the standard output is written." type:"path" placeholder:"FILE"`

	serverFlags `embed:""`
	folderFlags `embed:""`

	source string // the folder, or the address of the server, that is exported
}

// Help returns what --help adds.
func (exportCommand) Help() string {
	return `With ndjson each line has a record as the API shows it, and its bytes: what proofs cover and the personal parts, in base64. gatebook
import makes the same log of it again. It is written of a data folder or a backup; of one that a server has open it is written as of now.

With csv each line has a session, live or ended, with the columns of gatebook list --status all -o csv. A server that runs in the folder
answers it. Without one the sessions are those of the log's last record, up to which the durations of live ones count; book.db is
read where it is whole and up to date, and otherwise made from the log for the while, beside the file or in the folder for temporary files.

A log that lacks records at its end, as its head, log/tail, book.db or backup.json say, and one without its head, is refused.

Examples:
  gatebook export --data /var/lib/gatebook --out book.ndjson
  gatebook export --format csv --out sessions.csv`
}

// Run writes an export.
func (c *exportCommand) Run(ctx context.Context, to *streams) error {
	if c.Out == "" || c.Out == "-" {
		c.Out = ""
		// A reader that goes away does not end the program before it has removed its own files.
		signal.Ignore(syscall.SIGPIPE)
		defer signal.Reset(syscall.SIGPIPE)
		_, err := c.write(ctx, to, to.out)
		return brokenOff(err, "what was written is only a part; run gatebook export again")
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already; name a file that does not, or leave --out away and write the standard output", c.Out)
	}
	if err != nil {
		return err
	}
	done, err := c.write(ctx, to, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// a part of it is of no use
		return brokenOff(errors.Join(err, os.Remove(c.Out)), "%s is not written; run gatebook export again", c.Out)
	}
	fmt.Fprintf(to.out, "exported: %s of %s to %s\n", done, c.source, c.Out)
	return nil
}

// write writes the export to a stream, and returns what it was.
func (c *exportCommand) write(ctx context.Context, to *streams, w io.Writer) (string, error) {
	progress := newProgressBar(to.err)
	if c.Format == "csv" {
		err := c.sessions(ctx, w, progress, to)
		progress.end()
		return "the sessions", err
	}
	records, err := c.records(ctx, w, progress, to)
	progress.end()
	return counted(int(records), "record"), err
}

// records writes the records of a folder that no process has open, or of a backup that is made for it.
func (c *exportCommand) records(ctx context.Context, w io.Writer, progress *progressBar, to *streams) (uint64, error) {
	if !c.isGiven() {
		folder, err := dataFolder(c.Config, c.Data)
		if err != nil {
			return 0, err
		}
		c.source = folder
		served, err := dialControl(ctx, folder)
		if err != nil {
			return 0, err
		}
		if served == nil {
			return c.offline(ctx, w, folder, progress)
		}
		served.Close()
	}
	temporary, err := c.room()
	if err != nil {
		return 0, err
	}
	backup := backupCommand{Folder: filepath.Join(temporary, "backup"), serverFlags: c.serverFlags, folderFlags: c.folderFlags}
	if c.isGiven() {
		_, err = backup.remote(ctx, progress, to)
		c.source = backup.source
	} else {
		_, err = backup.local(ctx, progress)
	}
	var records uint64
	if err == nil {
		records, err = c.offline(ctx, w, backup.Folder, progress)
	}
	return records, errors.Join(err, os.RemoveAll(temporary))
}

// room makes a folder for files that are large and of use to the export alone, where its file is.
func (c *exportCommand) room() (string, error) {
	near := os.TempDir()
	if c.Out != "" {
		near = filepath.Dir(c.Out)
	}
	return os.MkdirTemp(near, "gatebook-export-")
}

// offline writes the records of a folder that no process has open.
func (c *exportCommand) offline(ctx context.Context, w io.Writer, folder string, progress *progressBar) (records uint64, err error) {
	err = exported(folder, func(locked *storage.Folder) error {
		records, err = interchange.Write(ctx, w, locked, progress.pace)
		return err
	})
	return records, err
}

// exported calls do with a folder that no process has open. It refuses a log that has lost records at its end, which
// are no damage of what is left.
func exported(folder string, do func(*storage.Folder) error) error {
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return err
	}
	if err = gatebook.CheckEnd(locked); err == nil {
		err = do(locked)
	}
	if fault, ok := errors.AsType[*storage.CorruptError](err); ok {
		err = fmt.Errorf("the log cannot be exported: %w; nothing was exported. Restore the file from a copy; "+
			"gatebook verify names each fault, and with --salvage it copies what is whole, which can be exported", fault)
	}
	return errors.Join(err, locked.Unlock())
}
