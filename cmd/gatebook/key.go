package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gatebook"
	"gatebook/httpd/client"
	"gatebook/httpd/control"
	"gatebook/storage"
)

// keyCommand are the commands about the key that signs heads of the log.
type keyCommand struct {
	folderCommand `embed:""`

	Show   keyShow   `cmd:"" default:"1" help:"Show the keys that verify heads of the log, the newest first."`
	Rotate keyRotate `cmd:"" help:"Sign heads with another key from now on."`
}

// Help returns what --help adds.
func (keyCommand) Help() string {
	return `The newest head of the log is signed and kept in the file head of the data folder, the private key in the file key. Give
the verifier key, and heads now and then, to an auditor: it shows later that the log is what it was.

Examples:
  gatebook key --data /var/lib/gatebook
  gatebook key rotate --data /var/lib/gatebook`
}

// keyShow are the arguments of key show.
type keyShow struct{}

// Help returns what --help adds.
func (keyShow) Help() string {
	return `Each line is a key as golang.org/x/mod/sumdb/note takes it. Heads that an older key has signed still verify with it.

Example:
  gatebook key --data /var/lib/gatebook`
}

// Run shows the keys.
func (keyShow) Run(ctx context.Context, all *commands, to *streams) error {
	var keys []string
	err := all.Key.with(ctx, to, func(served *client.Client) (err error) {
		keys, err = served.VerifierKeys(ctx)
		return err
	}, func(locked *storage.Folder) (err error) {
		keys, err = gatebook.FolderKeys(locked)
		return err
	})
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errors.New("the log names no key yet: it does with the first record that a server writes")
	}
	for _, key := range keys {
		fmt.Fprintln(to.out, key)
	}
	return nil
}

// keyRotate are the arguments of key rotate.
type keyRotate struct {
	Force bool `help:"Sign the log as it is, although its key or head is lost or it was rolled back. No server may run."`
}

// Help returns what --help adds.
func (keyRotate) Help() string {
	return `A record of the log names the new key, and the key before vouches for it there; the former private key is removed. With
--force nobody vouches for it, and the record says so for ever, with the last head that was found.

A log that was rolled back has given ids of sessions after its last record. So --force does what gatebook restore does, unless
the log contains its head and only the key was lost: it records log_restored, leaves out the ids that may have been given, and
marks the sessions that lived as lost.

Examples:
  gatebook key rotate --data /var/lib/gatebook
  gatebook key rotate --force --data /var/lib/gatebook`
}

// Run rotates the key.
func (c *keyRotate) Run(ctx context.Context, all *commands, to *streams) error {
	var key string
	var forced *gatebook.ForcedKey // nil without --force
	err := all.Key.with(ctx, to, func(served *client.Client) (err error) {
		if c.Force {
			return errors.New("a server has the data folder open, so its key and head are there; stop it first, or leave --force out")
		}
		key, err = served.RotateKey(ctx)
		return err
	}, func(locked *storage.Folder) (err error) {
		if err := locked.CheckOwner(); err != nil {
			return err
		}
		by := control.Actor(os.Geteuid())
		if !c.Force {
			key, err = gatebook.RotateFolderKey(ctx, locked, by)
			return err
		}
		if forced, err = gatebook.ForceKey(ctx, locked, gatebook.RestoreOptions{By: by, Options: gatebook.Options{Report: to.report}}); err == nil {
			key = forced.Verifier
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(to.out, "heads are signed with another key now; its verifier key is\n%s\n", key)
	if forced != nil && forced.NextSession > 0 {
		fmt.Fprintf(to.out, "The log may lack records that it had, and says so (log_restored): %s lost, the next session is %d.\n",
			counted(forced.Lost, "session"), forced.NextSession)
	}
	return nil
}

// with calls one of two functions: the first with the server that has the data folder open, or the
// second with the folder, locked.
func (c *keyCommand) with(ctx context.Context, to *streams, served func(*client.Client) error, locked func(*storage.Folder) error) error {
	folder, err := c.folder()
	if err != nil {
		return err
	}
	warnOfKeys(to, folder)
	server, err := dialControl(ctx, folder)
	if err != nil {
		return err
	}
	if server != nil {
		defer server.Close()
		return served(server)
	}
	f, err := storage.LockExisting(folder)
	if err != nil {
		return err
	}
	return errors.Join(locked(f), f.Unlock())
}
