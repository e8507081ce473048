package main

import (
	"context"
	"errors"
	"fmt"

	"gatebook/migrations"
	"gatebook/storage"
)

// migrateCommand are the arguments of migrate.
type migrateCommand struct {
	folderCommand `embed:""`
}

// Help returns what --help adds.
func (migrateCommand) Help() string {
	return `gatebook serve does that by itself when it starts. Use migrate to do it at a time of your choosing, while no server runs in
the folder. It needs as much space again as the log takes. Ending it loses nothing: the next start goes on.

Each file is written anew, read back, and takes the older one's name. The older one stays beside it, as NAME.format2, until a
server that ran in the folder has stopped in order.

Example:
  gatebook migrate --data /var/lib/gatebook`
}

// Run upgrades the log.
func (c *migrateCommand) Run(ctx context.Context, to *streams) error {
	folder, err := c.folder()
	if err != nil {
		return err
	}
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return err
	}
	progress := newProgressBar(to.err)
	var done storage.Upgraded
	if err = errors.Join(locked.CheckUsable(), locked.CheckOwner()); err == nil {
		done, err = storage.Upgrade(ctx, locked.Log(), progress.pace)
	}
	progress.end()
	if err := errors.Join(err, locked.Unlock()); err != nil {
		return brokenOff(err, "nothing is lost; gatebook migrate goes on, and so does the next start of the server")
	}
	if done.Segments == 0 {
		fmt.Fprintf(to.out, "The log has format %d already: there was nothing to do.\n", migrations.LogFormat)
		return nil
	}
	fmt.Fprintf(to.out, "%s upgraded from format %d to %d; the older files are kept until the next clean stop of a server\n",
		counted(done.Segments, "segment"), done.From, migrations.LogFormat)
	return nil
}
