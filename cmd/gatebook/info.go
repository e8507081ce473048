package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
	"gatebook/storage"
)

// folderCommand are the flags of commands on a data folder.
type folderCommand struct {
	Config string `help:"Configuration file (TOML), for the data folder it names." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE"`
	Data   string `help:"Data folder (gatebook-data)." env:"GATEBOOK_DATA" placeholder:"FOLDER"`
}

// folder returns the data folder that is meant.
func (c *folderCommand) folder() (string, error) { return dataFolder(c.Config, c.Data) }

// infoCommand are the arguments of info.
type infoCommand struct {
	serverFlags `embed:""`
	folderFlags `embed:""`
	Output      string `short:"o" help:"Form of the answer: ${enum}." enum:"table,json" default:"table"`
}

// Help returns what --help adds.
func (infoCommand) Help() string {
	return `How many records and sessions there are, from when to when, and what each segment of the log and each table of the archive
takes. It works beside a server that runs in the folder, and without one, and on a backup. With --url a server elsewhere is asked, with an
administrator's login.

Examples:
  gatebook info --data /var/lib/gatebook
  gatebook info --url https://gw-1.example.org:8989`
}

// folderState is what info prints.
type folderState struct {
	// Folder is its path, or the address of a server elsewhere.
	Folder string `json:"folder"`
	// InUse is true while a server has the folder open.
	InUse bool `json:"in_use"`
	// Backup is nil for a data folder.
	Backup *backupState `json:"backup,omitempty"`
	*client.Info
}

// backupState is what a backup says of itself.
type backupState struct {
	Complete bool      `json:"complete"`
	Taken    time.Time `json:"taken,omitzero"`
	Version  string    `json:"version,omitempty"`
	// secrets says which secret files are in it.
	secrets string
}

// describeMark returns what a backup says of itself, nil for a folder that is none.
func describeMark(folder string) (*backupState, error) {
	mark, err := storage.ReadBackupMark(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &backupState{Complete: mark.Complete, Taken: mark.Taken, Version: mark.Version, secrets: secretsIn(folder)}, nil
}

// noteMark says on standard error that the mark of a backup is missing or damaged, where its copy is used.
func noteMark(folder string, to *streams) {
	if err := storage.CheckBackupMark(folder); err != nil {
		fmt.Fprintf(to.err, "gatebook: %s\n", oneLine(err))
	}
}

// text returns what a backup says of itself for people.
func (b *backupState) text(to *streams) string {
	if !b.Complete {
		return "the first one was broken off; gatebook backup goes on with it"
	}
	return fmt.Sprintf("taken %s, %s; gatebook restore makes a data folder of it", to.when(b.Taken), b.secrets)
}

// Run shows what a data folder holds.
func (c *infoCommand) Run(ctx context.Context, to *streams) error {
	found, err := c.find(ctx, to)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		e := json.NewEncoder(to.out)
		e.SetIndent("", "  ")
		return e.Encode(found)
	}
	return printInfo(to, found)
}

// find describes the folder that is meant, on this machine or of a server elsewhere.
func (c *infoCommand) find(ctx context.Context, to *streams) (*folderState, error) {
	if c.isGiven() {
		server, err := c.dial(to)
		if err != nil {
			return nil, err
		}
		defer server.Close()
		flags := remoteFlags{serverFlags: c.serverFlags}
		info, err := server.Info(ctx)
		return &folderState{Folder: server.Address(), InUse: true, Info: info}, flags.explain(server, err)
	}
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return nil, err
	}
	warnOfKeys(to, folder)
	found := &folderState{Folder: folder}
	if found.Info, found.InUse, err = describeFolder(ctx, folder); err != nil {
		return nil, err
	}
	noteMark(folder, to)
	found.Backup, err = describeMark(folder)
	return found, err
}

// describeFolder describes a data folder: the server that has it open does, or this process.
func describeFolder(ctx context.Context, folder string) (info *client.Info, inUse bool, err error) {
	served, err := dialControl(ctx, folder)
	if err != nil {
		return nil, false, err
	}
	if served != nil {
		defer served.Close()
		info, err = served.Info(ctx)
		return info, true, err
	}
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return nil, false, err
	}
	found, err := gatebook.Describe(ctx, locked)
	if err := errors.Join(err, locked.Unlock()); err != nil {
		return nil, false, err
	}
	b, err := json.Marshal(found)
	if err == nil {
		err = json.Unmarshal(b, &info)
	}
	return info, false, err
}

// printInfo prints what a data folder holds.
func printInfo(to *streams, s *folderState) error {
	inUse := "no"
	if s.InUse {
		inUse = "by a server that runs"
	}
	sessions := s.ArchiveFault
	if n := s.Sessions; n != nil {
		sessions = fmt.Sprintf("%s live, %s closed, %s lost; the next is %d",
			to.number(float64(n.Live)), to.number(float64(n.Closed)), to.number(float64(n.Lost)), s.NextSession)
	}
	facts := [][2]string{
		{"Folder", s.Folder},
		{"In use", inUse},
	}
	if s.Backup != nil {
		facts = append(facts, [2]string{"Backup", s.Backup.text(to)})
	}
	facts = append(facts, [][2]string{
		{"Log", fmt.Sprintf("%s, format %d, %s in %s", s.Log, s.Format, size(float64(s.LogBytes)), counted(len(s.Segments), "segment"))},
		{"Records", to.number(float64(s.Records))},
		{"Sessions", sessions},
		{"Archive", size(float64(s.ArchiveBytes))},
	}...)
	if s.Records > 0 {
		facts = append(facts, [2]string{"From", to.when(s.From)}, [2]string{"Until", to.when(s.Until)})
	}
	if err := table.Facts(to.out, to.options(false), facts...); err != nil {
		return err
	}
	fmt.Fprintln(to.out)
	segments := &table.Table{Columns: []table.Column{
		{Name: "SEGMENT"}, {Name: "RECORDS", Right: true}, {Name: "UNTIL"}, {Name: "FORMAT", Right: true}, {Name: "SEALED"}, {Name: "SIZE", Right: true},
	}}
	for _, g := range s.Segments {
		sealed := "no"
		if g.Sealed {
			sealed = "yes"
		}
		segments.Rows = append(segments.Rows, []string{
			g.File, fmt.Sprint(g.Last + 1 - g.First), to.ago(g.Until), fmt.Sprint(g.Format), sealed, size(float64(g.Bytes)),
		})
	}
	if err := segments.Write(to.out, to.options(false)); err != nil || len(s.Tables) == 0 {
		return err
	}
	fmt.Fprintln(to.out)
	tables := &table.Table{Columns: []table.Column{{Name: "TABLE"}, {Name: "ROWS", Right: true}, {Name: "SIZE", Right: true}}}
	for _, t := range s.Tables {
		tables.Rows = append(tables.Rows, []string{t.Name, fmt.Sprint(t.Rows), size(float64(t.Bytes))})
	}
	return tables.Write(to.out, to.options(false))
}
