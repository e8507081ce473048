package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"gatebook"
	"gatebook/httpd/client"
	"gatebook/projection"
	"gatebook/storage"
)

// verifyCommand are the arguments of verify.
type verifyCommand struct {
	serverFlags `embed:""`
	folderFlags `embed:""`

	JSON    bool   `help:"Print what was found as JSON."`
	Salvage string `help:"Copy the records before the first fault into a new data folder, as a restore does." placeholder:"FOLDER"`
	Since   string `help:"Check too that the log contains the signed heads in a file, which were kept elsewhere. With --url the server proves it." type:"path" placeholder:"FILE"`
}

// Help returns what --help adds.
func (verifyCommand) Help() string {
	return `Reads the whole log: every record and its checksum, the hash and the seal of every segment, the tree over all records, whether
the end is the one that was acknowledged, and whether the log contains its signed head. A server that runs in the folder does it
without being held up. The exit status is 1 where a fault is found.

Of a file with several heads (--since) each is checked, and that no head has fewer records than the one before it: such a log was
rolled back. Heads of other logs are counted and left. A head that no key of the log has signed is refused before the log is read.

With --salvage the copy says that it is one (log_restored), and leaves out the ids of sessions that may have been given since its
last record. It works on a backup too. What it did not finish no server takes; salvage again.

With --url a server elsewhere proves that its log begins with what a head covers (--since): it reads nothing through.

Examples:
  gatebook verify --data /var/lib/gatebook
  gatebook verify --since head.txt --data /var/lib/gatebook
  gatebook verify --since head.txt --url https://gw-1.example.org:8989
  gatebook verify --data /var/lib/gatebook --salvage /var/lib/gatebook-salvaged`
}

// Run verifies the log.
func (c *verifyCommand) Run(ctx context.Context, to *streams) error {
	if c.isGiven() {
		return c.remote(ctx, to)
	}
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return err
	}
	warnOfKeys(to, folder)
	progress := newProgressBar(to.err)
	if c.Salvage != "" {
		return c.salvage(ctx, folder, progress, to)
	}
	found, err := verify(ctx, folder, progress, c.Since)
	progress.end()
	if err != nil {
		return brokenOff(err, "the log was not read to its end, and nothing is known of it")
	}
	found.KeyMissing = keyMissing(folder)
	if c.JSON {
		if err := json.NewEncoder(to.out).Encode(verifiedFolder{folder, found}); err != nil {
			return err
		}
	} else {
		printVerified(to, folder, found)
	}
	if len(found.Faults) > 0 {
		return exited{exitFailed}
	}
	return nil
}

// verifiedFolder is what verify prints as JSON.
type verifiedFolder struct {
	Folder string `json:"folder"`
	*client.Verified
}

// remote has a server elsewhere prove what heads say that were kept.
func (c *verifyCommand) remote(ctx context.Context, to *streams) error {
	if c.Since == "" || c.Salvage != "" {
		return errors.New("a server elsewhere can prove that its log begins with what a head covers: name the head with --since; to read the log through, run gatebook verify on its machine")
	}
	server, err := c.dial(to)
	if err != nil {
		return err
	}
	defer server.Close()
	return c.explain(server, c.sinceRemote(ctx, server, to))
}

// verify verifies the log of a folder, and that it contains the heads of a file, "" for none: the server that has it
// open does, or this process.
func verify(ctx context.Context, folder string, progress *progressBar, since string) (*client.Verified, error) {
	served, err := dialControl(ctx, folder)
	if err != nil {
		return nil, err
	}
	if served != nil {
		defer served.Close()
		return verifyServed(ctx, served, progress, since)
	}
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return nil, err
	}
	// A part of a log shows nothing of a head.
	if mark, err := storage.ReadBackupMark(folder); err == nil && since != "" {
		if err := mark.Check(mark.Sequence); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", folder, err), locked.Unlock())
		}
	}
	found, err := verifyLocked(ctx, locked, progress, since)
	return found, errors.Join(err, locked.Unlock())
}

// verifyServed has the server that has a folder open verify its log, and prove what heads say that were kept.
func verifyServed(ctx context.Context, served *client.Client, progress *progressBar, since string) (*client.Verified, error) {
	if since == "" {
		return served.Verify(ctx, progress.show)
	}
	source, err := openKept(since)
	if err != nil {
		return nil, err
	}
	defer source.close()
	signed, err := served.Checkpoint(ctx) // before the keys, one of which has signed it
	if err != nil {
		return nil, err
	}
	keys, rotations, err := keysOf(ctx, served)
	if err != nil {
		return nil, err
	}
	kept, err := source.read(keys)
	if err == nil {
		err = kept.vouch(rotations)
	}
	if err != nil {
		return nil, err
	}
	found, err := served.Verify(ctx, progress.show)
	if err != nil {
		return nil, err
	}
	faults, _, err := kept.proven(ctx, served, signed)
	if err != nil {
		return nil, err
	}
	return kept.addTo(found, faults), nil
}

// verifyLocked verifies the log of a folder that nobody else has open.
func verifyLocked(ctx context.Context, locked *storage.Folder, progress *progressBar, since string) (*client.Verified, error) {
	var kept *keptFile // nil without a file
	var v *storage.Verified
	var err error
	if since == "" {
		v, err = gatebook.VerifyFolder(ctx, locked, progress.pace)
	} else {
		v, kept, err = verifySince(ctx, locked, progress, since)
	}
	if err == nil {
		checkEnd(locked, v)
		err = storage.CheckBackup(locked, v)
	}
	if err != nil {
		return nil, err
	}
	found := &client.Verified{Segments: v.Segments, Records: v.Records, Bytes: v.Bytes, Head: v.Head.Sequence, Faults: []client.Fault{}}
	for _, f := range v.Faults {
		found.Faults = append(found.Faults, client.Fault{File: f.File, Sequence: f.Sequence, Error: f.Err.Error()})
	}
	if kept != nil {
		found = kept.addTo(found, nil)
	}
	return found, nil
}

// verifySince is verifyLocked with the heads of a file. The file is nil for a log without keys because it is damaged.
func verifySince(ctx context.Context, locked *storage.Folder, progress *progressBar, since string) (*storage.Verified, *keptFile, error) {
	source, err := openKept(since)
	if err != nil {
		return nil, nil, err
	}
	defer source.close()
	keys, err := gatebook.FolderHeadKeys(locked)
	if _, damaged := errors.AsType[*storage.CorruptError](err); damaged { // the faults of the log come first
		v, err := gatebook.VerifyFolder(ctx, locked, progress.pace)
		return v, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	kept, err := source.read(keys)
	if err != nil {
		return nil, nil, err
	}
	v, err := kept.inFolder(ctx, locked, progress.pace)
	return v, kept, err
}

// checkEnd adds a fault where the log ends before what the archive was made from. An archive that
// is missing, damaged or of another log says nothing.
func checkEnd(folder *storage.Folder, v *storage.Verified) {
	position, err := storage.ArchivePosition(folder.Archive(), v.ID, projection.Tables())
	if err == nil && position > v.Head.Sequence {
		v.Faults = append(v.Faults, &storage.CorruptError{File: folder.Log(), Sequence: v.Head.Sequence + 1, Err: fmt.Errorf(
			"the log ends at record %d, but %s was made from it up to record %d: the records between are gone",
			v.Head.Sequence, filepath.Base(folder.Archive()), position)})
	}
}

func atRecord(sequence uint64) string {
	if sequence == 0 {
		return ""
	}
	return fmt.Sprintf(", record %d", sequence)
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more like it)", n)
}

// bytesText returns a size for people.
func bytesText(n int64) string {
	size, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && size >= 1024 {
		size, units = size/1024, units[1:]
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", size), ".0") + " " + units[0]
}
