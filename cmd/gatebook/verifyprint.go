package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gatebook/httpd/client"
	"gatebook/internal/shell"
	"gatebook/storage"
)

// printVerified prints what was found of a folder: of each kind of fault the first, how many there are, and what to
// do.
func printVerified(to *streams, folder string, v *client.Verified) {
	if len(v.Faults) == 0 {
		fmt.Fprintf(to.out, "whole: %s in %s, %s, in %s\n", counted(int(v.Records), "record"), counted(v.Segments, "segment"), bytesText(v.Bytes), folder)
		printBesides(to, v)
		return
	}
	numbers := regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)
	more := make(map[string]int)
	var kinds []string
	for _, f := range v.Faults {
		kind := numbers.ReplaceAllString(f.Error, "#")
		if more[kind]++; more[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	fmt.Fprintf(to.out, "damaged: %s, in %s of %s of %s\n", counted(len(v.Faults), "fault"), counted(int(v.Records), "record"), counted(v.Segments, "segment"), folder)
	for _, kind := range kinds {
		for _, f := range v.Faults {
			if numbers.ReplaceAllString(f.Error, "#") == kind {
				fmt.Fprintf(to.out, "  %s%s: %s%s\n", faultFile(v, f), atRecord(f.Sequence), f.Error, andMore(more[kind]-1))
				break
			}
		}
	}
	if _, err := storage.ReadBackupMark(folder); !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(to.out, "Take the backup again, with gatebook backup %s --data FOLDER or --url URL: it copies what is damaged anew. Where the log is lost, save what is before the first fault with --salvage.\n", shell.Quote(folder))
		return
	}
	if !slices.ContainsFunc(v.Faults, func(f client.Fault) bool { return !isSigning(v, f) }) {
		fmt.Fprintf(to.out, "The records are whole. Put the file back from a copy, or sign the log with a new key, with a record that says so: gatebook key rotate --force --data %s\n", shell.Quote(folder))
		return
	}
	fmt.Fprintln(to.out, "Restore the log from a copy, or save what is before the first fault with --salvage.")
}

// isSigning reports whether a fault is of the log's newest head, or of the key that signs heads.
func isSigning(v *client.Verified, f client.Fault) bool {
	name := faultFile(v, f)
	return name == storage.HeadFile || name == storage.KeyFile
}

// faultFile returns how the file of a fault is called: by its path for a head that was kept elsewhere,
// by its name for a file of the folder.
func faultFile(v *client.Verified, f client.Fault) string {
	if slices.ContainsFunc(v.Claims, func(c client.ClaimedHead) bool { return c.Name == f.File }) {
		return f.File
	}
	return filepath.Base(f.File)
}

// printBesides prints what is known of a whole log besides.
func printBesides(to *streams, v *client.Verified) {
	for _, c := range v.Claims {
		if c.Error == "" {
			printCompared(to, c, fmt.Sprintf("log's %d", v.Records))
		}
	}
	if v.KeyMissing {
		fmt.Fprintf(to.out, "%s is missing: serve will refuse the folder; put it back from a copy, or sign with a new one: gatebook key rotate --force\n", storage.KeyFile)
	}
}

// printCompared prints what follows from a head that the log contains. all is what the log has.
func printCompared(to *streams, c client.ClaimedHead, all string) {
	if c.Size == 0 {
		fmt.Fprintf(to.out, "the head of %s covers 0 records: it proves nothing about the %s\n", c.Name, all)
	} else {
		fmt.Fprintf(to.out, "consistent: the %s of %s are the first of the %s\n", counted(int(c.Size), "record"), c.Name, all)
		printUnvouched(to, c)
	}
	if c.Heads > 1 {
		fmt.Fprintf(to.out, "%s has %s of the log, and it contains them all\n", c.Name, counted(c.Heads, "head"))
	}
	if c.Others > 0 {
		fmt.Fprintf(to.out, "%s has %s of other logs, which were not compared\n", c.Name, counted(c.Others, "head"))
	}
	if c.Torn {
		fmt.Fprintf(to.out, "%s goes on behind that head with what is no whole head, as after an append that was cut off\n", c.Name)
	}
}

// printUnvouched prints what a log that contains a head does not prove, because a key since was not vouched for.
func printUnvouched(to *streams, c client.ClaimedHead) {
	if len(c.Unvouched) == 0 {
		return
	}
	text := make([]string, len(c.Unvouched))
	for i, sequence := range c.Unvouched {
		text[i] = fmt.Sprint(sequence)
	}
	which := "record " + text[0] + " names a key for which the one before does not vouch"
	if n := len(text) - 1; n > 0 {
		which = "records " + strings.Join(text[:n], ", ") + " and " + text[n] + " name keys for which the ones before do not vouch"
	}
	fmt.Fprintf(to.out, "%s, as after an import, a restore without the key, or a key that was lost: the key that signed %s does not say by whom the log was signed since, and so what follows: "+
		"ask the operator why, and keep a new head\n", which, c.Name)
}

// notOfLog returns the error for a head that none of the log's keys has signed. The head alone does
// not show which of the two is the wrong one.
func notOfLog(name string, err error) error {
	return fmt.Errorf("%s: %w. It is no head of this log, or the log was rolled back or replaced", name, err)
}

// keyMissing reports whether a server would refuse a folder because the key that signs its log is not
// there. A backup needs none: a restore signs with a new one.
func keyMissing(folder string) bool {
	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(folder, name))
		return !errors.Is(err, os.ErrNotExist)
	}
	_, err := storage.ReadBackupMark(folder)
	return there(storage.HeadFile) && !there(storage.KeyFile) && !there(storage.KeyFile+".next") && errors.Is(err, os.ErrNotExist)
}
