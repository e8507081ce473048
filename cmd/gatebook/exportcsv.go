package main

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/client"
	"gatebook/storage"
)

// sessions writes the sessions as CSV: those that a server answers with, or those of a folder that no
// process has open.
func (c *exportCommand) sessions(ctx context.Context, w io.Writer, progress *progressBar, to *streams) error {
	if c.isGiven() {
		return c.ask(ctx, w, to)
	}
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return err
	}
	c.source = folder
	served, err := dialControl(ctx, folder)
	if err != nil {
		return err
	}
	if served != nil {
		served.Close()
		return c.ask(ctx, w, to)
	}
	return exported(folder, func(locked *storage.Folder) error {
		room, err := c.room()
		if err != nil {
			return err
		}
		return errors.Join(writeSessions(ctx, w, locked, room, progress), os.RemoveAll(room))
	})
}

// ask has a server write the sessions.
func (c *exportCommand) ask(ctx context.Context, w io.Writer, to *streams) error {
	flags := remoteFlags{serverFlags: c.serverFlags, folderFlags: c.folderFlags}
	return flags.with(ctx, to, func(server *client.Client) error {
		if c.isGiven() {
			c.source = server.Address()
		}
		return server.Copy(ctx, w, "/sessions", url.Values{"status": {"all"}, "fields": {"*"}}, forms["csv"])
	})
}

// writeSessions writes the sessions of a folder that no process has open.
func writeSessions(ctx context.Context, w io.Writer, folder *storage.Folder, room string, progress *progressBar) error {
	sessions, err := gatebook.OpenFolderSessions(ctx, folder, room, progress.pace)
	if err != nil {
		return err
	}
	all, err := sessions.All(ctx)
	if err == nil {
		err = httpd.WriteSessionsCSV(w, events.TimeOf(sessions.Now()), all.All())
	}
	return errors.Join(err, sessions.Close())
}
