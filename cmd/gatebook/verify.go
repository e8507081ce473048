package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"gatebook"
	"gatebook/httpd/client"
	"gatebook/httpd/control"
	"gatebook/internal/regular"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// verifyCommand are the arguments of verify.
type verifyCommand struct {
	serverFlags `embed:""`
	folderFlags `embed:""`

	JSON    bool   `help:"Print what was found as JSON."`
	Salvage string `help:"Copy the records before the first fault into a new data folder." placeholder:"FOLDER"`
	Since   string `help:"Check too that the log contains the signed head in a file, which was kept elsewhere. With --url the server proves it." type:"path" placeholder:"FILE"`
}

// Help returns what --help adds.
func (verifyCommand) Help() string {
	return `Reads the whole log: every record and its checksum, the hash and the seal of every segment, the tree over all records, whether
the end is the one that was acknowledged, and whether the log contains its signed head. A server that runs in the folder does it
without being held up. The exit status is 1 where a fault is found.

A head that no key of the log has signed is refused before the log is read.

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
	if c.isGiven() && c.Data == "" { // GATEBOOK_URL does not stand in the way of a folder
		return c.remote(ctx, claims, torn, to)
	}
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return err
	}
	progress := newProgressBar(to.err)
	if c.Salvage != "" {
		return c.salvage(ctx, folder, progress, to)
	}
	found, err := verify(ctx, folder, progress, claims...)
	progress.end()
	if err != nil {
		return err
	}
	found.KeyMissing = keyMissing(folder)
	for i := range found.Claims {
		found.Claims[i].Torn = torn
	}
	if c.JSON {
		if err := json.NewEncoder(to.out).Encode(found); err != nil {
			return err
		}
	} else if !slices.ContainsFunc(found.Claims, func(h client.ClaimedHead) bool { return h.Error != "" }) {
		printVerified(to, found)
	}
	return failed(found)
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
		compared := client.ClaimedHead{Name: claim.Name, Size: claim.Size}
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

// salvage copies what is whole into a new data folder.
func (c *verifyCommand) salvage(ctx context.Context, folder string, progress *progressBar, to *streams) error {
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return err
	}
	err = c.copyWhole(ctx, locked, progress, to)
	return errors.Join(err, locked.Unlock())
}

func (c *verifyCommand) copyWhole(ctx context.Context, from *storage.Folder, progress *progressBar, to *streams) error {
	if _, err := os.Lstat(c.Salvage); err == nil {
		return fmt.Errorf("%s exists already; name a folder that does not", c.Salvage)
	}
	target, err := storage.LockFolder(c.Salvage)
	if err != nil {
		return err
	}
	end, fault, err := storage.Salvage(ctx, from.Log(), target.Log(), progress.pace)
	progress.end()
	if err == nil && end.Sequence > 0 {
		err = signSalvaged(ctx, from, target)
	}
	if err := errors.Join(err, target.Unlock()); err != nil {
		return err
	}
	if fault != nil && end.Sequence == 0 {
		return errors.Join(fmt.Errorf("nothing is whole, and nothing was copied: %w", fault), os.RemoveAll(c.Salvage))
	}
	fmt.Fprintf(to.out, "%s copied to %s\n", counted(int(end.Sequence), "record"), c.Salvage)
	fmt.Fprintln(to.out, "The copy is signed with a new key, and says so in its last record.")
	if fault == nil {
		fmt.Fprintln(to.out, "The log was whole: nothing was left.")
		return nil
	}
	fmt.Fprintf(to.out, "left from there on: %v\n", fault)
	fmt.Fprintf(to.out, "A server that runs on the copy goes on with record %d and session %d, also where the records that were left had these numbers.\n", end.Sequence+2, end.Stream+1)
	fmt.Fprintln(to.out, "The accounts, and what is derived from the log, were not copied; the latter is made anew when the server starts.")
	return nil
}

// signSalvaged signs a copy of what was whole of a log with a new key. The copy says so in a
// record, with the newest head of the log.
func signSalvaged(ctx context.Context, from, target *storage.Folder) error {
	if signed, err := regular.ReadFile(from.Head()); err == nil {
		if err := os.WriteFile(target.Head(), signed, 0o600); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, err := gatebook.ForceKey(ctx, target, control.Actor(os.Geteuid()))
	return err
}

// progressBar shows on a terminal how far a command is.
type progressBar struct {
	out   *os.File // nil where there is no terminal
	shown time.Time
}

// newProgressBar returns a bar for a stream, which shows nothing unless it is a terminal.
func newProgressBar(w any) *progressBar {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progressBar{out: f}
	}
	return &progressBar{}
}

const barWidth = 30

// show draws the bar of bytes anew, ten times a second at most.
func (p *progressBar) show(done, of int64) { p.draw(done, of, bytesText(of)) }

// showRecords draws the bar of records anew.
func (p *progressBar) showRecords(done, of uint64) {
	p.draw(int64(done), int64(of), counted(int(of), "record"))
}

// draw draws the bar anew. all is how much there is.
func (p *progressBar) draw(done, of int64, all string) {
	if p.out == nil || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = time.Now()
	full := int(barWidth * done / max(of, 1))
	fmt.Fprintf(p.out, "\r[%s%s] %3d %% of %s ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*done/max(of, 1), all)
}

// pace is [progressBar.show] for package storage.
func (p *progressBar) pace(done, of int64) error {
	p.show(done, of)
	return nil
}

// end removes the bar.
func (p *progressBar) end() {
	if p.out != nil {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", barWidth+30))
	}
}
