package main_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestSealedSegmentOfAnother starts a server that may not read a sealed segment: it is damage, with what to do in the
// log and in answers, until the mode is mended and gatebook verify has found that.
func TestSealedSegmentOfAnother(t *testing.T) {
	t.Parallel()
	folder := serviceFolder(t)
	copyFolder(t, folder, newSegments(t))
	must(t, exec.Command("chown", "-R", strconv.Itoa(nobody), folder).Run())
	segment := filepath.Join(folder, "log", "00000000000000000001.db")
	must(t, os.Chmod(segment, 0))
	p := serveAs(t, &syscall.Credential{Uid: nobody, Gid: nobody}, "--data", folder)
	isReady := func(want int, text string) {
		t.Helper()
		eventually(t, "/ready is "+strconv.Itoa(want), func() bool {
			status, _, body := p.request("GET", "/ready")
			return status == want && strings.Contains(body, text)
		})
	}
	isReady(http.StatusServiceUnavailable, "file 00000000000000000001.db, record 1")
	if status, _, body := p.request("GET", "/events?limit=3"); status != http.StatusInternalServerError ||
		!strings.Contains(body, "file 00000000000000000001.db, record 1") || !strings.Contains(body, "may not read") {
		t.Errorf("/events: status %d: %s", status, body)
	}
	if out, status := asNobody(t, "verify", folder); status != 1 || !strings.Contains(out, "say chmod u+rw "+segment) {
		t.Errorf("verify: status %d: %s", status, out)
	}
	must(t, os.Chmod(segment, 0o600))
	if out, status := asNobody(t, "verify", folder); status != 0 {
		t.Errorf("verify of what was mended: status %d: %s", status, out)
	}
	isReady(http.StatusOK, "ready")
	if status, _, body := p.request("GET", "/events?limit=3"); status != http.StatusOK {
		t.Errorf("/events of what was mended: status %d: %s", status, body)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("it stopped with status %d", status)
	}
	// A line says what is wrong with the log, and one that a request has failed by it.
	if text := p.stderr.String(); strings.Count(text, "say chmod u+rw "+segment) != 2 || strings.Contains(text, "salvage") {
		t.Errorf("the log has\n%s", text)
	}
}
