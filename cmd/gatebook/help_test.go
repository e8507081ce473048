package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook"
	"gatebook/cmd/gatebook/internal/table"
)

// TestHelp compares the help of every command with golden files, in a pipe and on terminals of
// two more widths, which it fits.
func TestHelp(t *testing.T) {
	t.Parallel()
	if os.Getenv("COLUMNS") != "" {
		t.Skip("COLUMNS decides how wide help is")
	}
	for _, width := range []int{0, 60, 72} {
		var all strings.Builder
		for _, command := range main.Commands() {
			var out, errs bytes.Buffer
			status := main.RunAt(t.Context(), append(command, "--help"), &out, &errs, width, false, time.Time{}, berlin())
			if status != 0 || errs.Len() > 0 {
				t.Errorf("%v: status %d: %s", command, status, &errs)
			}
			text := out.String()
			if len(command) > 0 && !strings.Contains(text, "Example") && !strings.Contains(text, "Commands:") {
				t.Errorf("%v: there is no example", command)
			}
			for line := range strings.Lines(text) {
				n, whole := table.Width(strings.TrimRight(line, "\n")), strings.HasPrefix(line, "    gatebook ") || strings.HasPrefix(line, "    curl ") ||
					strings.HasPrefix(line, "Usage: ") || strings.HasPrefix(line, "Run ")
				if width > 0 && n > width && !whole {
					t.Errorf("%v: a line takes %d columns of %d: %s", command, n, width, line)
				}
			}
			fmt.Fprintf(&all, "$ gatebook %s\n%s\n", strings.Join(append(command, "--help"), " "), text)
		}
		golden(t, fmt.Sprintf("help-%d", width), all.String())
	}
}

// TestAccountCommands compares what the commands about logins, tokens and accounts print with
// golden files, in pipes and on terminals of three widths.
func TestAccountCommands(t *testing.T) {
	t.Parallel()
	folder, config := t.TempDir(), t.TempDir()
	d := &desk{t: t, folder: folder}
	d.user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	d.user(0, "", "add", "edge-1", "--role", "source", "--token")
	d.user(0, "", "token", "ann", "--name", "a-rather-long-name-of-a-token-for-the-dashboard", "--role", "basic", "--ends", "2030-12-31T00:00:00Z")
	must(t, os.MkdirAll(filepath.Join(config, "gatebook"), 0o700))
	must(t, os.WriteFile(filepath.Join(config, "gatebook", "profiles.json"), []byte(`{"default": "production", "profiles": [
		{"name": "production", "url": "https://gatebook.example.org:8989", "account": "ann", "role": "admin", "token": "gatebook_x", "token_name": "ann@desk", "ends": "2030-12-31T00:00:00Z"},
		{"name": "gatebook.test.example.org:8989", "url": "https://gatebook.test.example.org:8989", "account": "ann", "role": "basic", "token": "gatebook_x", "token_name": "ann@desk", "ends": "2020-12-31T00:00:00Z"}]}`), 0o600))
	now := time.Date(2029, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, commands := range map[string][][]string{
		"profiles":   {{"profiles"}, {"profiles", "-o", "json"}},
		"user-token": {{"user", "token"}, {"user", "token", "ann"}, {"user", "token", "ann", "-o", "json"}},
		"user-list":  {{"user", "list"}, {"user", "list", "-o", "json"}},
	} {
		var all strings.Builder
		for _, args := range commands {
			for _, width := range []int{0, 60, 80, 160} {
				if width > 0 && args[len(args)-1] == "json" {
					continue // the same everywhere
				}
				var out, errs bytes.Buffer
				run := args
				if args[0] == "user" {
					run = append(append([]string{}, args...), "--data", folder)
				}
				if len(args) == 3 && args[2] == "ann" || len(args) == 5 {
					run = append(run, "--list")
				}
				status := main.RunIn(t.Context(), run, &out, &errs, width, now, berlin(), config)
				if status != 0 || errs.Len() > 0 {
					t.Errorf("%v: status %d: %s", run, status, &errs)
				}
				fmt.Fprintf(&all, "$ gatebook %s    # %d columns\n%s\n", strings.Join(args, " "), width, withoutTimes(out.String()))
			}
		}
		golden(t, name, all.String())
	}
}

// withoutTimes returns a text with the times of this run replaced, which are as long.
func withoutTimes(text string) string {
	text = regexp.MustCompile(`20[0-24-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`).ReplaceAllString(text, "XXXX-XX-XXTXX:XX:XXZ")
	return regexp.MustCompile(`(?m)( +)\d{3,4}d( +|$)`).ReplaceAllString(text, "${1}AGO${2}")
}
