package httpd_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/storage"
)

// TestBackup asks for backups: of all, of what is missing, with parameters that say nothing, and of
// another log.
func TestBackup(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{SegmentBytes: 32 << 10})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	check(t, err)
	open := func() {
		t.Helper()
		_, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.7", Port: 1, Subject: strings.Repeat("x", 200)})
		check(t, err)
	}
	for range 200 {
		open()
	}
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	got := ask(t, asker, "GET", base+"/backup")
	if got.status != 200 || got.header.Get("Content-Type") != "application/x-tar" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v", got.status, got.header)
	}
	names, plan := entriesOf(t, got.body)
	sliced := func(n string) bool { return strings.HasPrefix(n, "records/") }
	if !slices.ContainsFunc(names, sliced) { // the last record has just filled its segment
		open()
		got = ask(t, asker, "GET", base+"/backup")
		names, plan = entriesOf(t, got.body)
	}
	if names[0] != "plan.json" || names[len(names)-1] != "end" || !slices.Contains(names, "log/00000000000000000001.db") || !slices.Contains(names, "head") ||
		!slices.ContainsFunc(names, sliced) || slices.Contains(names, "key") {
		t.Errorf("it has %q", names)
	}
	if head := registry.Moment().Sequence; plan.Sequence != head || plan.From != 1 {
		t.Errorf("the plan is %+v, the head %d", plan, head)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	b, err := storage.OpenBackup(t.Context(), dir, "", nil)
	check(t, err)
	_, err = b.Receive(strings.NewReader(got.body))
	check(t, errors.Join(err, b.Close()))
	b, err = storage.OpenBackup(t.Context(), dir, "", nil)
	check(t, err)
	from, seal := b.Have()
	check(t, b.Close())
	rest := ask(t, asker, "GET", fmt.Sprintf("%s/backup?from=%d&seal=%x", base, from, seal))
	names, plan = entriesOf(t, rest.body)
	if plan.From != from || slices.Contains(names, "log/00000000000000000001.db") {
		t.Errorf("from %d on it has %q, %+v", from, names, plan)
	}
	seal[0]++
	for query, want := range map[string]struct {
		status int
		text   string
	}{
		fmt.Sprintf("from=%d&seal=%x", from, seal):   {http.StatusConflict, "of another log, or of another history"},
		fmt.Sprintf("from=%d&seal=%x", from+1, seal): {http.StatusConflict, "segment of the log ends"},
		"from=99999999": {http.StatusConflict, "restored from an older copy"},
		"from=0":        {http.StatusBadRequest, "from=0"},
		"from=x":        {http.StatusBadRequest, "from=x"},
		"seal=12":       {http.StatusBadRequest, "64 hexadecimal digits"},
		"secrets=yes":   {http.StatusBadRequest, "secrets=yes"},
		"secrets=true":  {http.StatusForbidden, "Nobody has to log in"},
		"from=1&from=2": {http.StatusBadRequest, "given 2 times"},
		"form=1":        {http.StatusBadRequest, "from"},
		"follow=true":   {http.StatusBadRequest, "follow"},
	} {
		if got := ask(t, asker, "GET", base+"/backup?"+query); got.status != want.status || !strings.Contains(got.body, want.text) {
			t.Errorf("%s: got %d %s, want %d %q", query, got.status, got.body, want.status, want.text)
		}
	}
	if got := ask(t, asker, "HEAD", base+"/backup"); got.status != 200 || got.body != "" {
		t.Errorf("HEAD: got %d", got.status)
	}
	memory := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	if got := ask(t, asker, "GET", memory+"/backup"); got.status != http.StatusNotFound {
		t.Errorf("of a log in memory: got %d %s", got.status, got.body)
	}
}

// entriesOf returns the names of the entries of a backup, and its plan.
func entriesOf(t *testing.T, body string) (names []string, plan storage.BackupPlan) {
	t.Helper()
	for r := tar.NewReader(strings.NewReader(body)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, plan
		}
		check(t, err)
		names = append(names, h.Name)
		if h.Name == "plan.json" {
			check(t, json.NewDecoder(r).Decode(&plan))
		}
	}
}
