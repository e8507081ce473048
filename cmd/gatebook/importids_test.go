package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// exportOf returns the export of a log with records whose sessions nobody has checked.
func exportOf(t *testing.T, records ...events.Record) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	locked, err := storage.LockFolder(folder)
	must(t, err, storage.CreateBolt(locked.Log()))
	log, err := storage.OpenBolt(locked.Log(), storage.BoltOptions{})
	must(t, err, log.Start(0, func([]events.Record) error { return nil }))
	started := events.Record{Event: &events.SourceStarted{Source: "edge", Incarnation: "a"}}
	for _, r := range append([]events.Record{started}, records...) {
		must(t, log.Append(t.Context(), []storage.Entry{{Record: r, Expect: 1 << 40}}))
	}
	must(t, log.Close(), locked.Unlock())
	file := filepath.Join(t.TempDir(), "book.ndjson")
	mustRun(t, "export", "--data", folder, "--out", file)
	return file
}

// opened returns the record of an opening.
func opened(id uint64) events.Record {
	return events.Record{Session: id, Event: &events.SessionOpened{Source: "edge", Incarnation: "a", Service: "orders", Address: "192.0.2.1", Port: 1}}
}

// closed returns the record of an end.
func closed(id uint64) events.Record {
	return events.Record{Session: id, Event: &events.SessionClosed{Reason: events.ReasonClientClosed}}
}

// TestImportChecksIDs imports logs whose sessions have ids that no log gives: each is refused by the number of its
// line, as is or not, and no server starts in what was left.
func TestImportChecksIDs(t *testing.T) {
	t.Parallel()
	const largest = 1<<48 - 1
	for name, c := range map[string]struct {
		line    int // 0 for a log that is imported
		records []events.Record
	}{
		"in another order":        {0, []events.Record{opened(2), opened(1), closed(1)}}, // as appends at once are
		"the largest":             {0, []events.Record{opened(largest), closed(largest)}},
		"too large":               {3, []events.Record{opened(largest + 1)}},
		"too large in the middle": {4, []events.Record{opened(1), opened(1 << 60), opened(2)}},
		"opened twice":            {4, []events.Record{opened(1), opened(1)}},
		"opened twice, ended":     {5, []events.Record{opened(1), closed(1), opened(1)}},
		"ended and not opened":    {4, []events.Record{opened(1), closed(2)}},
		"opened without an id":    {3, []events.Record{opened(0)}},
		"a restore goes beyond":   {3, []events.Record{{Event: &events.LogRestored{NextSession: largest + 2, By: "dba"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := exportOf(t, c.records...)
			for _, as := range [][]string{{"--as-is"}, {"--next-id", fmt.Sprint(1 << 40)}} {
				target := filepath.Join(t.TempDir(), "imported")
				out, status := gatebookCommand(t, append([]string{"import", file, "--data", target}, as...)...)
				if c.line == 0 {
					if status != 0 && as[0] == "--as-is" {
						t.Errorf("%s: status %d, %s", as, status, out)
					}
					continue
				}
				if status != 1 || !strings.Contains(out, fmt.Sprintf("line %d: ", c.line)) || !strings.Contains(out, "nothing is imported") {
					t.Errorf("%s: status %d, %s; want line %d", as, status, out, c.line)
				}
				if status == 0 {
					continue // a server would run
				}
				mustRefuse(t, "gatebook import into", "serve", "--data", target, "--listen", "127.0.0.1:0")
			}
		})
	}
}

// TestImportChecksNextID refuses an id of the next session that the log has given, or that is too large, before the export is read to
// its end: here it has none.
func TestImportChecksNextID(t *testing.T) {
	t.Parallel()
	file := exportOf(t, opened(1), opened(7), closed(7), opened(8))
	whole, err := os.ReadFile(file)
	must(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	must(t, os.WriteFile(file, []byte(strings.Join(lines[:4], "")), 0o600)) // up to the opening of 7
	target := filepath.Join(t.TempDir(), "imported")
	mustRefuse(t, "the next session cannot be 300000000000000: the largest that is allowed is", "import", filepath.Join(t.TempDir(), "none"), "--next-id", "300000000000000", "--data", target)
	mustRefuse(t, "the next session cannot be 300000000000000: the largest that is allowed is", "import", file, "--next-id", "300000000000000", "--data", target)
	if _, err := os.Stat(target); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
	mustRefuse(t, "line 4: the next session cannot be 7: the log has session 7", "import", file, "--next-id", "7", "--data", target)
	mustRefuse(t, "line 5: it is missing", "import", file, "--next-id", "8", "--data", target)
	must(t, os.WriteFile(file, whole, 0o600))
	if out := mustRun(t, "import", file, "--next-id", "9", "--data", target); !regexp.MustCompile(`the next session is 9\n$`).MatchString(out) {
		t.Errorf("it says %q", out)
	}
}
