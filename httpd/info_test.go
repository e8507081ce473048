package httpd_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"gatebook"
	"gatebook/httpd"
)

// TestInfo asks for what the data folder holds, and for one of a log that is not kept in files.
func TestInfo(t *testing.T) {
	t.Parallel()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	_, err = registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	check(t, err)
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	got := ask(t, asker, "GET", base+"/info")
	var info gatebook.Info
	if err := json.Unmarshal([]byte(got.body), &info); err != nil || got.status != http.StatusOK {
		t.Fatalf("got %d %s: %v", got.status, got.body, err)
	}
	if info.Records == 0 || len(info.Segments) != 1 || info.Sessions == nil || info.ArchiveBytes == 0 {
		t.Errorf("got %+v", info)
	}
	if got := ask(t, asker, "GET", base+"/info?fields=*"); got.status != http.StatusBadRequest {
		t.Errorf("with a parameter: %d %s", got.status, got.body)
	}
	memory := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	if got := ask(t, asker, "GET", memory+"/info"); got.status != http.StatusNotFound {
		t.Errorf("of a log in memory: %d %s", got.status, got.body)
	}
}
