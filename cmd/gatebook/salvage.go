package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gatebook"
	"gatebook/httpd/control"
	"gatebook/storage"
)

// salvage copies what is whole into a new data folder.
func (c *verifyCommand) salvage(ctx context.Context, folder string, progress *progressBar, to *streams) error {
	if err := outside(c.Salvage, folder); err != nil {
		return fmt.Errorf("what is whole is copied into another folder: %w", err)
	}
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return err
	}
	salvaged, err := gatebook.Salvage(ctx, locked, c.Salvage, gatebook.RestoreOptions{
		By: control.Actor(os.Geteuid()), Pace: progress.pace, Options: gatebook.Options{Report: to.report},
	})
	progress.end()
	if err := errors.Join(err, locked.Unlock()); err != nil {
		if damage, ok := errors.AsType[*storage.CorruptError](err); ok && salvaged == nil {
			return fmt.Errorf("nothing is whole, and nothing was copied: %w", damage)
		}
		return err
	}
	fmt.Fprintf(to.out, "%s copied to %s; %s lost, the next session is %d\n",
		counted(int(salvaged.Records), "record"), c.Salvage, counted(salvaged.Lost, "session"), salvaged.NextSession)
	fmt.Fprintln(to.out, "The copy says in its records that it is one (log_restored), and is signed with a new key (key_rotated).")
	if salvaged.Fault == nil {
		fmt.Fprintln(to.out, "The log was whole: nothing was left.")
		return nil
	}
	fmt.Fprintf(to.out, "left from there on: %v\n", salvaged.Fault)
	fmt.Fprintf(to.out, "The records of the copy go on from %d, also where records that were left had these numbers. The accounts were not copied.\n", salvaged.Records+1)
	return nil
}
