package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatebook"
	"gatebook/events"
)

// damageText changes the records of a segment whose description is a row of x, and returns what errors of
// it have to name: the file and the first record.
func damageText(t *testing.T, segment string) *regexp.Regexp {
	t.Helper()
	b, err := os.ReadFile(segment)
	must(t, err)
	row := []byte(strings.Repeat("x", 200))
	if !bytes.Contains(b, row) {
		t.Fatalf("%s has no record of a session's end", segment)
	}
	f, err := os.OpenFile(segment, os.O_WRONLY, 0)
	must(t, err)
	for from, at := 0, bytes.Index(b, row); at >= 0; at = bytes.Index(b[from:], row) {
		from += at
		_, err = f.WriteAt([]byte("y"), int64(from)) // nothing else: a server may write to the file meanwhile
		must(t, err)
		from += len(row)
	}
	must(t, f.Close())
	return regexp.MustCompile(regexp.QuoteMeta(segment) + ` is damaged at record \d+: `)
}

// refusesDamage runs the program, which has to name a damaged file, its record and the way out, and no
// file of a copy.
func refusesDamage(t *testing.T, named *regexp.Regexp, copies string, args ...string) {
	t.Helper()
	out, status := gatebookCommand(t, args...)
	if status != 1 || !named.MatchString(out) || !strings.Contains(out, "gatebook verify") || strings.Contains(out, copies) {
		t.Errorf("gatebook %q: status %d: %s; want the file and record that is damaged (%s), and nothing of %s", args, status, out, named, copies)
	}
}

// TestDamagedSegmentIsNamed damages a record of a sealed segment, and one of the newest: backup and export, beside a
// server and without one, name the segment and the record, and not their copy of it.
func TestDamagedSegmentIsNamed(t *testing.T) {
	t.Parallel()
	whole := newSegments(t)
	registry, err := gatebook.Open(t.Context(), whole, gatebook.Options{})
	must(t, err)
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	must(t, err)
	id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
	must(t, err)
	_, err = source.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonClientClosed, Description: strings.Repeat("x", 200)})
	must(t, err, registry.Close())
	for _, place := range []string{"sealed", "newest"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			data, to := filepath.Join(t.TempDir(), "data"), t.TempDir()
			must(t, os.CopyFS(data, os.DirFS(whole)))
			segments, err := filepath.Glob(filepath.Join(data, "log", "*.db"))
			must(t, err)
			damaged := segments[1]
			if place == "newest" {
				damaged = segments[len(segments)-1]
			}
			elsewhere := regexp.MustCompile(`log/` + filepath.Base(damaged) + ` is damaged at record \d+: `)
			// A record of a command's own connection would have the server copy the damaged page.
			config := filepath.Join(t.TempDir(), "gatebook.toml")
			must(t, os.WriteFile(config, []byte("record_admin = false\n"), 0o600))
			p := serve(t, "--data", data, "--config", config)
			named := damageText(t, damaged)
			refusesDamage(t, named, "incoming", "backup", filepath.Join(to, "beside"), "--data", data)
			refusesDamage(t, named, "incoming", "export", "--data", data, "--out", filepath.Join(to, "beside.ndjson"))
			refusesDamage(t, elsewhere, data, "backup", filepath.Join(to, "elsewhere"), "--url", p.api)
			refusesDamage(t, elsewhere, data, "export", "--url", p.api, "--out", filepath.Join(to, "elsewhere.ndjson"))
			p.stop()
			refusesDamage(t, named, "incoming", "backup", filepath.Join(to, "alone"), "--data", data)
			refusesDamage(t, named, "incoming", "export", "--data", data, "--out", filepath.Join(to, "alone.ndjson"))
		})
	}
}

// TestDamagedBackupIsNamed damages a segment of a backup: restore names it, and not its copy in the folder that
// is restored.
func TestDamagedBackupIsNamed(t *testing.T) {
	t.Parallel()
	data, dir, target := newSegments(t), filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	mustRun(t, "backup", dir, "--data", data)
	segments, err := filepath.Glob(filepath.Join(dir, "log", "*[0-9].db"))
	must(t, err)
	for _, s := range segments { // they may be links to those of the log
		content, err := os.ReadFile(s)
		must(t, err, os.Remove(s), os.WriteFile(s, content, 0o600))
	}
	refusesDamage(t, damageText(t, segments[1]), target, "restore", dir, "--data", target)
	must(t, os.Remove(segments[1]))
	refusesDamage(t, regexp.MustCompile(regexp.QuoteMeta(segments[1])+" is damaged at record \\d+: it is missing"), target, "restore", dir, "--data", target)
}
