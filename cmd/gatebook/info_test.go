package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatebook/cmd/gatebook"
)

// offline closes the book and returns a function that runs commands on its data folder, as on a
// terminal of that width, 0 for a pipe.
func (b *book) offline() func(width int, args ...string) string {
	b.t.Helper()
	b.stop()
	must(b.t, b.registry.Close())
	return func(width int, args ...string) string {
		b.t.Helper()
		var out, errs bytes.Buffer
		status := main.RunAt(b.t.Context(), args, &out, &errs, width, false, b.clock.Now(), berlin())
		text := out.String()
		if errs.Len() > 0 {
			text += "stderr: " + errs.String()
		}
		if status != 0 {
			text += fmt.Sprintf("exit status %d\n", status)
		}
		return strings.ReplaceAll(text, b.folder, "DATA")
	}
}

// identity is the identity of a log, which is chosen at random.
var identity = regexp.MustCompile(`[0-9a-f]{32}`)

// TestInfo compares what info prints of a folder that no server has open, in pipes and in
// terminals of three widths.
func TestInfo(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	run := b.offline()
	var all strings.Builder
	for _, width := range []int{0, 60, 80, 160} {
		fmt.Fprintf(&all, "$ gatebook info    # %d columns\n%s\n", width, run(width, "info", "--data", b.folder))
	}
	fmt.Fprintf(&all, "$ gatebook info -o json\n%s\n", run(0, "info", "--data", b.folder, "-o", "json"))
	must(t, os.Remove(filepath.Join(b.folder, "book.db")))
	fmt.Fprintf(&all, "$ rm book.db; gatebook info\n%s\n", run(80, "info", "--data", b.folder))
	fmt.Fprintf(&all, "$ gatebook info --data none\n%s\n", run(80, "info", "--data", filepath.Join(b.folder, "none")))
	// What the indexes have is not what this test is about.
	indexes := regexp.MustCompile(`(?m)^indexes .*$|("indexes",\s*"rows": )\d+(,\s*"bytes": )\d+`)
	text := indexes.ReplaceAllString(all.String(), "${1}…${2}…")
	golden(t, "info", identity.ReplaceAllString(text, "IDENTITY"))
}

// TestInfoOfServer asks a server that runs, and compares its figures with those after its end.
func TestInfoOfServer(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", folder)
	for range 20 {
		if status, _, body := p.request("GET", "/sessions"); status != 200 {
			t.Fatal(body)
		}
	}
	type found struct {
		InUse    bool `json:"in_use"`
		Records  uint64
		Sessions struct{ Live, Closed, Lost uint64 }
		Segments []struct{ Last uint64 }
		Tables   []struct{ Name string }
	}
	info := func() (f found) {
		t.Helper()
		out, err := exec.Command(binary, "info", "--data", folder, "-o", "json").Output()
		must(t, err, json.Unmarshal(out, &f))
		return f
	}
	eventually(t, "all sessions have ended", func() bool {
		f := info()
		if !f.InUse {
			t.Fatal("a server runs, and info says that none does")
		}
		return f.Sessions.Live == 0 && f.Sessions.Closed == 20 && f.Sessions.Lost == 0
	})
	running := info()
	p.stop()
	stopped := info()
	if stopped.InUse || stopped.Records <= running.Records || stopped.Segments[0].Last != stopped.Records || stopped.Sessions != running.Sessions || len(stopped.Tables) == 0 {
		t.Errorf("beside the server it says %+v, after its end %+v", running, stopped)
	}
	p = serve(t, "--data", folder)
	p.kill() // the last checkpoint is older than the last record
	if killed := info(); killed.Sessions != stopped.Sessions || killed.Records <= stopped.Records {
		t.Errorf("after kill -9 it says %+v, before %+v", killed, stopped)
	}
}

// TestInfoElsewhere asks a server over the network.
func TestInfoElsewhere(t *testing.T) {
	t.Parallel()
	p := serve(t, "--data", filepath.Join(t.TempDir(), "data"))
	var found struct {
		Folder   string
		InUse    bool `json:"in_use"`
		Records  uint64
		Segments []struct{ Last uint64 }
	}
	must(t, json.Unmarshal([]byte(mustRun(t, "info", "--url", p.api, "-o", "json")), &found))
	if found.Folder != p.api || !found.InUse || found.Records == 0 || len(found.Segments) != 1 {
		t.Errorf("over the network it says %+v", found)
	}
	if text := mustRun(t, "info", "--url", p.api); !strings.Contains(text, p.api) || !strings.Contains(text, "by a server that runs") {
		t.Errorf("over the network it prints %q", text)
	}
}
