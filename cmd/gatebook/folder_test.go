package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFolderCommands compares what the commands on a data folder print, in pipes and in terminals
// of three widths: where they do their work, and where they refuse it.
func TestFolderCommands(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	run := b.offline()
	var all strings.Builder
	for _, width := range []int{0, 60, 80, 160} {
		room := t.TempDir()
		in := func(name string) string { return filepath.Join(room, name) }
		fmt.Fprintf(&all, "# %d columns\n", width)
		for _, args := range [][]string{
			{"backup", in("backup"), "--data", b.folder},
			{"backup", in("backup"), "--data", b.folder, "--with-secrets"},
			{"verify", "--data", in("backup")},
			{"restore", in("backup"), "--data", in("restored")},
			{"restore", in("backup"), "--data", in("restored")},
			{"restore", in("backup"), "--data", in("again"), "--next-id", "3"},
			{"restore", in("none"), "--data", in("restored-2")},
			{"restore", b.folder, "--data", in("restored-2")},
			{"export", "--data", b.folder, "--out", in("book.ndjson")},
			{"import", in("book.ndjson"), "--data", in("imported")},
			{"import", in("none.ndjson"), "--data", in("imported-2")},
			{"rebuild", "--data", in("imported")},
			{"rebuild", "--data", in("backup")},
			{"compact", "--data", in("imported")},
			{"compact", "--data", in("imported")},
			{"backup", filepath.Join(b.folder, "within"), "--data", b.folder},
			{"backup", in("imported"), "--data", b.folder},
			{"backup"},
			{"export", "--format", "xml"},
		} {
			said := strings.ReplaceAll(run(width, args...), room, "ROOM")
			fmt.Fprintf(&all, "$ gatebook %s\n%s", strings.ReplaceAll(strings.ReplaceAll(strings.Join(args, " "), room, "ROOM"), b.folder, "DATA"), said)
		}
		all.WriteString("\n")
	}
	text := all.String()
	for pattern, with := range map[string]string{
		`in [0-9.]+m?s\b`: "in …s", `[0-9.]+ [KM]?i?B\b`: "… B", `as of [0-9TZ:-]+`: "as of …", `session is \d+`: "session is …",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, with)
	}
	golden(t, "folder", text)
}
