package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// grow opens the book of a folder, has sessions open there of a source in the process and one outside, which is left
// open, and closes it. It returns the lowest and the highest of their ids, and the events log_restored of the log.
func grow(t *testing.T, folder string, sessions int) (low, high uint64, restored []*events.LogRestored) {
	t.Helper()
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{SegmentBytes: 64 << 10})
	must(t, err)
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	must(t, err)
	for n := range sessions {
		id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
		must(t, err)
		_, err = source.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonClientClosed, Description: described(n)})
		must(t, err)
		if low == 0 {
			low = id
		}
		high = id
	}
	_, err = registry.Report(t.Context(), gatebook.Report{
		Source: "edge", Incarnation: time.Now().String(), Lease: time.Hour,
		Events: []gatebook.Reported{{Key: "k", Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.2", Port: 2}}},
	})
	must(t, err)
	for record, err := range registry.Events(0, gatebook.EventFilter{}) {
		must(t, err)
		if e, ok := record.Event.(*events.LogRestored); ok {
			restored = append(restored, e)
		}
	}
	must(t, registry.Close())
	return low, max(high, low) + 1, restored
}

// live returns how many sessions of a folder's book live.
func live(t *testing.T, folder string) int {
	t.Helper()
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
	must(t, err)
	n := registry.Moment().Live
	must(t, registry.Close())
	return n
}

// described returns the description of a session's end.
func described(n int) string { return fmt.Sprintf("%0200d", n) }

// damageRecord changes each copy of a record of a log's first segment.
func damageRecord(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, "log", "00000000000000000001.db")
	b, err := os.ReadFile(path)
	must(t, err)
	changed := strings.ReplaceAll(string(b), described(20), described(21))
	if changed == string(b) {
		t.Fatal("the record is not there")
	}
	must(t, os.WriteFile(path, []byte(changed), 0o600))
}

// TestSalvageGivesNoIDAgain salvages a backup whose log went on, a whole log, and a damaged one. What is salvaged says
// so in its records, gives other ids than the log has given, and nothing lives there.
func TestSalvageGivesNoIDAgain(t *testing.T) {
	t.Parallel()
	data, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	grow(t, data, 300)
	mustRun(t, "backup", backup, "--data", data)
	_, given, _ := grow(t, data, 300)
	damaged := filepath.Join(t.TempDir(), "damaged")
	must(t, os.CopyFS(damaged, os.DirFS(data)))
	damageRecord(t, damaged)
	for _, from := range []string{backup, data, damaged} {
		name := filepath.Base(from)
		before := contentOf(t, from)
		target := filepath.Join(t.TempDir(), "salvaged")
		out := mustRun(t, "verify", "--data", from, "--salvage", target)
		if strings.Contains(out, "The log was whole") == (from == damaged) || !strings.Contains(out, "log_restored") || !strings.Contains(out, "the next session is ") {
			t.Errorf("%s: it says %q", name, out)
		}
		if out := mustRun(t, "verify", "--data", target); !strings.HasPrefix(out, "whole: ") {
			t.Errorf("%s: verify says %q", name, out)
		}
		if n := live(t, target); n != 0 {
			t.Errorf("%s: %d sessions live in the copy", name, n)
		}
		low, _, restored := grow(t, target, 1)
		if low <= given {
			t.Errorf("%s: %d ids were given, and the copy gives %d", name, given, low)
		}
		if len(restored) != 1 || restored[0].NextSession != low || restored[0].Records == 0 || len(restored[0].Root) != 64 {
			t.Errorf("%s: on the record is %+v", name, restored)
		}
		if after := contentOf(t, from); len(after) != len(before) {
			t.Errorf("%s has other files now: %d, and %d before", name, len(after), len(before))
		}
	}
}

// TestSalvageIntoTheFolder salvages into the folder of the damaged log, also through a link. Nothing is made there.
func TestSalvageIntoTheFolder(t *testing.T) {
	t.Parallel()
	data, link := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "link")
	mustRun(t, "init", "--data", data)
	must(t, os.Symlink(data, link))
	before := len(contentOf(t, data))
	for _, target := range []string{data, filepath.Join(data, "x"), filepath.Join(data, "log", "x"), filepath.Join(link, "x")} {
		mustRefuse(t, "name one elsewhere", "verify", "--data", data, "--salvage", target)
	}
	if after := len(contentOf(t, data)); after != before {
		t.Errorf("%d files are in the folder, and %d were", after, before)
	}
}

// TestSalvageWithoutAWholeRecord salvages a log whose first segment is no file of a log. Nothing is left of that.
func TestSalvageWithoutAWholeRecord(t *testing.T) {
	t.Parallel()
	data, target := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "target")
	grow(t, data, 1)
	must(t, os.Truncate(filepath.Join(data, "log", "00000000000000000001.db"), 4096))
	mustRefuse(t, "nothing is whole, and nothing was copied", "verify", "--data", data, "--salvage", target)
	if isThere(target) {
		t.Errorf("there is %v", contentOf(t, target))
	}
}

// TestSalvageFromReadOnly salvages a damaged log on a disk that is mounted read-only, first onto a disk that is too
// small, where no server takes what is there, and then again.
func TestSalvageFromReadOnly(t *testing.T) {
	disk, small := t.TempDir(), t.TempDir()
	mount := func(to, size string) {
		if err := syscall.Mount("tmpfs", to, "tmpfs", 0, "size="+size); err != nil {
			t.Skipf("another file system cannot be mounted, which takes root and mount(2): %v", err)
		}
		t.Cleanup(func() { must(t, syscall.Unmount(to, 0)) })
	}
	mount(disk, "64m")
	mount(small, "16k")
	data, target := filepath.Join(disk, "data"), filepath.Join(small, "target")
	_, given, _ := grow(t, data, 600)
	damageRecord(t, data)
	must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	mustRefuse(t, "no space left", "verify", "--data", data, "--salvage", target)
	mustRefuse(t, "did not finish", "verify", "--data", target)
	must(t, syscall.Mount("", small, "", syscall.MS_REMOUNT, "size=64m"))
	mustRun(t, "verify", "--data", data, "--salvage", target)
	mustRun(t, "verify", "--data", target)
	if low, _, _ := grow(t, target, 1); low <= given {
		t.Errorf("%d ids were given, and the copy gives %d", given, low)
	}
}

// TestForcedAfterARollback puts an older log in the place of a newer one, with the newer archive and without it, and
// signs it as it is. It gives other ids than the newer log has given, and says so.
func TestForcedAfterARollback(t *testing.T) {
	t.Parallel()
	for name, without := range map[string][]string{"with the newer archive": nil, "without an archive": {"book.db"}, "without the head": {"head"}, "without the key": {"key"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, older := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "older")
			grow(t, data, 10)
			must(t, os.CopyFS(older, os.DirFS(data)))
			_, given, _ := grow(t, data, 10)
			must(t, os.RemoveAll(filepath.Join(data, "log")), os.CopyFS(filepath.Join(data, "log"), os.DirFS(filepath.Join(older, "log"))))
			for _, file := range without {
				must(t, os.Remove(filepath.Join(data, file)))
			}
			mustRefuse(t, "", "serve", "--data", data, "--listen", "127.0.0.1:0")
			if out := mustRun(t, "key", "rotate", "--force", "--data", data); !strings.Contains(out, "log_restored") || !strings.Contains(out, "1 session lost") {
				t.Errorf("it says %q", out)
			}
			mustRun(t, "verify", "--data", data)
			if n := live(t, data); n != 0 {
				t.Errorf("%d sessions live", n)
			}
			low, _, restored := grow(t, data, 1)
			if low <= given || len(restored) != 1 || restored[0].NextSession != low || len(restored[0].Root) != 64 {
				t.Errorf("%d ids were given, then it gives %d, and on the record is %+v", given, low, restored)
			}
		})
	}
}

// TestForcedWithoutItsKey signs a log that has its head and has lost its key. It has all records, so it goes on with the
// next id, and what lived lives.
func TestForcedWithoutItsKey(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	_, given, _ := grow(t, data, 10)
	must(t, os.Remove(filepath.Join(data, "key")))
	if out := mustRun(t, "key", "rotate", "--force", "--data", data); strings.Contains(out, "log_restored") {
		t.Errorf("it says %q", out)
	}
	if n := live(t, data); n != 1 {
		t.Errorf("%d sessions live, want 1", n)
	}
	if low, _, restored := grow(t, data, 1); low != given+1 || len(restored) > 0 {
		t.Errorf("%d ids were given, then it gives %d, and on the record is %+v", given, low, restored)
	}
	// Nothing is lost now, and it is asked for all the same: whether a record is lost nobody can say.
	if out := mustRun(t, "key", "rotate", "--force", "--data", data); !strings.Contains(out, "log_restored") {
		t.Errorf("it says %q", out)
	}
}
