package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gatebook"
	"gatebook/httpd/client"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// verifyCommand are the arguments of verify.
type verifyCommand struct {
	serverFlags `embed:""`
	folderFlags `embed:""`

	JSON    bool   `help:"Print what was found as JSON."`
	Salvage string `help:"Copy the records before the first fault into a new data folder, as a restore does." placeholder:"FOLDER"`
	Since   string `help:"Check too that the log contains the signed head in a file, which was kept elsewhere. With --url the server proves it." type:"path" placeholder:"FILE"`
}

// Help returns what --help adds.
func (verifyCommand) Help() string {
	return `Reads the whole log: every record and its checksum, the hash and the seal of every segment, the tree over all records, whether
the end is the one that was acknowledged, and whether the log contains its signed head. A server that runs in the folder does it
without being held up. The exit status is 1 where a fault is found.

A head that no key of the log has signed is refused before the log is read.

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
	var claims []client.Claim
	var torn bool
	if c.Since != "" {
		kept, err := treehead.ReadKept(c.Since)
		if err != nil {
			return fmt.Errorf("the head that was kept: %w", err)
		}
		torn = kept.Torn
		claims = []client.Claim{{Name: c.Since, Signed: string(kept.Signed)}}
	}
	if c.isGiven() {
		return c.remote(ctx, claims, torn, to)
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
	found, err := verify(ctx, folder, progress, claims...)
	progress.end()
	if err != nil {
		return brokenOff(err, "the log was not read to its end, and nothing is known of it")
	}
	found.KeyMissing = keyMissing(folder)
	for i := range found.Claims {
		found.Claims[i].Torn = torn
	}
	if c.JSON {
		if err := json.NewEncoder(to.out).Encode(verifiedFolder{folder, found}); err != nil {
			return err
		}
	} else if !slices.ContainsFunc(found.Claims, func(h client.ClaimedHead) bool { return h.Error != "" }) {
		printVerified(to, folder, found)
	}
	return failed(found)
}

// verifiedFolder is what verify prints as JSON.
type verifiedFolder struct {
	Folder string `json:"folder"`
	*client.Verified
}

// remote has a server elsewhere prove what a head says that was kept.
func (c *verifyCommand) remote(ctx context.Context, claims []client.Claim, torn bool, to *streams) error {
	if len(claims) == 0 || c.Salvage != "" {
		return errors.New("a server elsewhere can prove that its log begins with what a head covers: name the head with --since; to read the log through, run gatebook verify on its machine")
	}
	server, err := c.dial(to)
	if err != nil {
		return err
	}
	defer server.Close()
	return c.explain(server, c.sinceRemote(ctx, server, []byte(claims[0].Signed), torn, to))
}

// verify verifies the log of a folder: the server that has it open does, or this process.
func verify(ctx context.Context, folder string, progress *progressBar, claims ...client.Claim) (*client.Verified, error) {
	served, err := dialControl(ctx, folder)
	if err != nil {
		return nil, err
	}
	if served != nil {
		defer served.Close()
		return served.Verify(ctx, progress.show, claims...)
	}
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return nil, err
	}
	// A part of a log shows nothing of a head.
	if mark, err := storage.ReadBackupMark(folder); err == nil && len(claims) > 0 {
		if err := mark.Check(mark.Sequence); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", folder, err), locked.Unlock())
		}
	}
	var heads []gatebook.HeadClaim
	for _, claim := range claims {
		heads = append(heads, gatebook.HeadClaim{Name: claim.Name, Signed: []byte(claim.Signed)})
	}
	v, err := gatebook.VerifyFolder(ctx, locked, progress.pace, heads...)
	if err == nil && v.Segments > 0 { // nothing is read where a claim is no head of the log
		checkEnd(locked, v)
		err = storage.CheckBackup(locked, v)
	}
	if err := errors.Join(err, locked.Unlock()); err != nil {
		return nil, err
	}
	found := &client.Verified{Segments: v.Segments, Records: v.Records, Bytes: v.Bytes, Head: v.Head.Sequence, Faults: []client.Fault{}}
	for _, f := range v.Faults {
		found.Faults = append(found.Faults, client.Fault{File: f.File, Sequence: f.Sequence, Error: f.Err.Error()})
	}
	for _, claim := range v.Claims {
		compared := client.ClaimedHead{Name: claim.Name, Size: claim.Size, Unvouched: claim.Unvouched}
		if claim.Err != nil {
			compared.Error = claim.Err.Error()
		}
		found.Claims = append(found.Claims, compared)
	}
	return found, nil
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
