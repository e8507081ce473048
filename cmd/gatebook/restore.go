package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"gatebook"
	"gatebook/httpd/control"
)

// restoreCommand are the arguments of restore.
type restoreCommand struct {
	Backup string `arg:"" name:"dir" help:"Folder that gatebook backup has made."`
	NextID uint64 `help:"Id of the next session. Without it all ids are left out that may have been given since the backup." placeholder:"ID"`

	folderCommand `embed:""`
}

// Help returns what --help adds.
func (restoreCommand) Help() string {
	return `The data folder has to be empty, or not to exist. The log is verified while it is copied, the rest is made again from it, and
the restore is on the record (log_restored). Sessions that lived when the backup was made are lost, as after a crash.

No id of a session comes again: a million ids are left out after the backup's last one, and a million for each second since its
last record, also when the same backup is restored once more. Clients that follow the log have to begin anew.

A restore that did not finish leaves a folder in which no server starts; restore again.

Example:
  gatebook restore /mnt/backup/gatebook --data /var/lib/gatebook`
}

// Run restores a backup.
func (c *restoreCommand) Run(ctx context.Context, to *streams) error {
	folder, err := c.folder()
	if err != nil {
		return err
	}
	if err := outside(folder, c.Backup); err != nil {
		return fmt.Errorf("a backup is restored into another folder: %w", err)
	}
	noteMark(c.Backup, to)
	progress, began := newProgressBar(to.err), time.Now()
	restored, err := gatebook.Restore(ctx, c.Backup, folder, gatebook.RestoreOptions{
		By: control.Actor(os.Geteuid()), NextSession: c.NextID, Pace: progress.pace,
		Options: gatebook.Options{Report: to.report},
	})
	progress.end()
	if err != nil {
		return unfilled(err, folder)
	}
	fmt.Fprintf(to.out, "restored: %s to %s, %s, as of %s; %s lost, the next session is %d; in %s\n",
		counted(int(restored.Records), "record"), folder, secretsIn(c.Backup), restored.Taken.UTC().Format(exact),
		counted(restored.Lost, "session"), restored.NextSession, time.Since(began).Round(10*time.Millisecond))
	return nil
}
