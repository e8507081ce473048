package httpd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReadyWithoutTheHead removes the newest head under a server that has nothing to do: /ready and the metrics say so
// until it is back, in words without the path of the folder.
func TestReadyWithoutTheHead(t *testing.T) {
	t.Parallel()
	d := newDamagedLog(t)
	head := filepath.Join(d.folder, "head")
	await := func(status int) string {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			got := ask(t, d.asker, "GET", d.base+"/ready")
			if got.status == status {
				return got.body
			}
			if time.Now().After(deadline) {
				t.Fatalf("/ready is answered %d: %s", got.status, got.body)
			}
		}
	}
	await(200)
	check(t, os.Rename(head, head+".away"))
	body := await(503)
	if !strings.Contains(body, "The file head was removed or replaced while it is in use: it is missing. ") || strings.Contains(body, d.folder) {
		t.Errorf("/ready says %s", body)
	}
	metrics := ask(t, d.asker, "GET", d.base+"/metrics").body
	for _, want := range []string{"\ngatebook_ready 0\n", "\ngatebook_log_faults 1\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics have not %q", strings.TrimSpace(want))
		}
	}
	check(t, os.Rename(head+".away", head))
	await(200)
	d.expectReady(t, "")
}
