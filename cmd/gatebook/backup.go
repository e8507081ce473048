package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatebook"
	"gatebook/httpd/accounts"
	"gatebook/httpd/client"
	"gatebook/storage"
)

// backupCommand are the arguments of backup.
type backupCommand struct {
	Folder      string `arg:"" name:"dir" help:"Folder of the backup: one that gatebook backup has made before, an empty one, or one that does not exist."`
	WithSecrets bool   `help:"Put the key that heads are signed with, and the accounts, into the backup too."`

	serverFlags `embed:""`
	folderFlags `embed:""`

	source string // the folder, or the address of the server, that is backed up
	left   string // what is in the folder of the backup where it was broken off, "" before it was opened
}

// Help returns what --help adds.
func (backupCommand) Help() string {
	return `Copies the log of a data folder, beside a server that runs in it or without one, or of a server elsewhere (--url, with an
administrator's login). What is in the folder from an earlier backup is checked, and not copied again. Segments that
are complete are hard links where the folder is on the same file system. A backup that was broken off goes on where it was.

The folder can be checked with gatebook verify --data DIR, and be made a data folder again with gatebook restore.

Examples:
  gatebook backup /mnt/backup/gatebook --data /var/lib/gatebook
  gatebook backup /mnt/backup/gatebook --url https://gw-1.example.org:8989 --token-file backup.token`
}

// Run makes a backup.
func (c *backupCommand) Run(ctx context.Context, to *streams) error {
	progress := newProgressBar(to.err)
	var made *storage.BackupResult
	var err error
	began := time.Now()
	noteMark(c.Folder, to)
	if c.isGiven() {
		made, err = c.remote(ctx, progress, to)
	} else {
		made, err = c.local(ctx, progress)
	}
	progress.end()
	if err != nil {
		return c.brokenOff(err)
	}
	fmt.Fprintln(to.out, describeBackup(c.source, c.Folder, made, time.Since(began)))
	return nil
}

// brokenOff adds what the folder has to the error of a backup that was interrupted, or whose server has
// stopped.
func (c *backupCommand) brokenOff(err error) error {
	if _, stalled := errors.AsType[*client.StalledError](err); stalled {
		return &brokenOffError{err: err, left: c.left}
	}
	return brokenOff(err, "%s", cmp.Or(c.left, "nothing was done"))
}

// describeBackup returns the line that says what a backup has done, and of what.
func describeBackup(source, folder string, r *storage.BackupResult, took time.Duration) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{r.Kept, "there already"}, {r.Linked, "linked"}, {r.Copied, "copied"}, {r.Damaged, "damaged and replaced"}} {
		if p.n > 0 {
			parts = append(parts, counted(p.n, "segment")+" "+p.what)
		}
	}
	parts = append(parts, counted(int(r.Records), "record")+" of the newest", bytesText(r.Bytes)+" copied")
	return fmt.Sprintf("backed up: %s of %s in %s, %s (%s) in %s", counted(int(r.Sequence), "record"), source, folder, secretsIn(folder), strings.Join(parts, ", "), took.Round(10*time.Millisecond))
}

// secretsIn says which of the secret files are in a backup, or in a data folder.
func secretsIn(folder string) string {
	var there []string
	for _, name := range []string{storage.KeyFile, storage.AccountsFile} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return "without key and accounts"
	}
	return "with " + strings.Join(there, " and ")
}

// remote backs a server elsewhere up.
func (c *backupCommand) remote(ctx context.Context, progress *progressBar, to *streams) (*storage.BackupResult, error) {
	server, err := c.dial(to)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	c.source = server.Address()
	flags := remoteFlags{serverFlags: c.serverFlags}
	target, err := storage.OpenBackup(ctx, c.Folder, "", progress.pace)
	if err != nil {
		return nil, err
	}
	target.Accounts = accounts.Check
	made, err := c.receive(ctx, target, server)
	c.left = target.Left()
	return made, errors.Join(flags.explain(server, err), target.Close())
}

// receive has a server send what the backup lacks.
func (c *backupCommand) receive(ctx context.Context, target *storage.BackupFolder, server *client.Client) (*storage.BackupResult, error) {
	from, seal := target.Have()
	stream, err := server.Backup(ctx, from, seal, c.WithSecrets)
	if err != nil {
		return nil, err
	}
	made, err := target.Receive(stream)
	return made, errors.Join(err, stream.Close())
}

// local backs a data folder of this machine up: through the server that has it open, or by
// itself.
func (c *backupCommand) local(ctx context.Context, progress *progressBar) (*storage.BackupResult, error) {
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return nil, err
	}
	c.source = folder
	if err := outside(c.Folder, folder); err != nil {
		return nil, err
	}
	served, err := dialControl(ctx, folder)
	if err != nil {
		return nil, err
	}
	if served != nil {
		defer served.Close()
		return c.fill(ctx, folder, progress, func() bool { return served.CheckBackup(ctx, c.WithSecrets) == nil },
			func(target *storage.BackupFolder) (*storage.BackupResult, error) {
				return c.receive(ctx, target, served)
			})
	}
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return nil, err
	}
	err = gatebook.CheckBackup(ctx, locked, c.options())
	var made *storage.BackupResult
	if err == nil {
		made, err = c.fill(ctx, folder, progress, func() bool { return true }, func(target *storage.BackupFolder) (*storage.BackupResult, error) {
			return c.read(ctx, locked, target)
		})
	}
	return made, errors.Join(err, locked.Unlock())
}

// options returns what a backup is to have.
func (c *backupCommand) options() gatebook.BackupOptions {
	return gatebook.BackupOptions{Secrets: c.WithSecrets, Version: version, Accounts: accounts.Check}
}

// fill opens the backup, links what is complete, and has the rest copied. It links nothing where the source is
// not fit, of which the rest fails.
func (c *backupCommand) fill(ctx context.Context, folder string, progress *progressBar, fit func() bool, rest func(*storage.BackupFolder) (*storage.BackupResult, error)) (*storage.BackupResult, error) {
	log := (&storage.Folder{Path: folder}).Log()
	target, err := storage.OpenBackup(ctx, c.Folder, log, progress.pace)
	if err != nil {
		return nil, err
	}
	target.Accounts = accounts.Check
	var made *storage.BackupResult
	if c.WithSecrets {
		err = target.CheckSource(folder)
	}
	if err == nil && fit() {
		err = target.Link(log)
	}
	if err == nil {
		made, err = rest(target)
	}
	c.left = target.Left()
	return made, errors.Join(err, target.Close())
}

// read reads a folder that no server has open.
func (c *backupCommand) read(ctx context.Context, from *storage.Folder, target *storage.BackupFolder) (*storage.BackupResult, error) {
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	first, seal := target.Have()
	go func() {
		o := c.options()
		o.From, o.Seal = first, seal
		_, err := gatebook.Backup(ctx, from, writer, o)
		sent <- errors.Join(err, writer.CloseWithError(err))
	}()
	made, err := target.Receive(reader)
	reader.CloseWithError(err) // never fails
	if failed := <-sent; failed != nil {
		err = failed // it is why the stream was cut
	}
	return made, err
}

// outside returns an error for a folder that is another one, or in it.
func outside(folder, other string) error {
	inner, err := resolved(folder)
	if err != nil {
		return err
	}
	outer, err := resolved(other)
	if err != nil {
		return err
	}
	if inner == outer || strings.HasPrefix(inner, outer+string(filepath.Separator)) {
		return fmt.Errorf("%s would be in the folder %s; name one elsewhere", folder, other)
	}
	return nil
}

// resolved returns a path without symbolic links, of what exists of it.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	whole, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(path) != path {
		if target, err := os.Readlink(path); err == nil { // a link to what does not exist yet
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			return resolved(target)
		}
		parent, err := resolved(filepath.Dir(path))
		return filepath.Join(parent, filepath.Base(path)), err
	}
	return whole, err
}
