package httpd_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/httpd"
	"gatebook/storage"
)

// A stream of reports that waits for the next one does not keep the server from closing. The
// answered reports are recorded, and the stream ends.
func TestStreamEndsWithTheServer(t *testing.T) {
	t.Parallel()
	server, address := serveThat(t, httpd.Config{Registry: openBook(t, newClock())})
	body, reports := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/events", body)
	check(t, err)
	r.Header.Set("Content-Type", ndjson)
	go reports.Write([]byte(reportOf("") + "\n"))
	w, err := client(t).Do(r)
	check(t, err)
	defer w.Body.Close()
	lines := bufio.NewReader(w.Body)
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, `{"status":200,`) {
		t.Fatal(line, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	check(t, server.Shutdown(ctx))
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("it ended with %q, %v", rest, err)
	}
	reports.Close()
}

// TestStreamIsCutByTheServer stops the server in the middle of a report: its client is told
// that the server is stopping, and not that the report is wrong.
func TestStreamIsCutByTheServer(t *testing.T) {
	t.Parallel()
	server, address := serveThat(t, httpd.Config{Registry: openBook(t, newClock())})
	body, reports := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/events", body)
	check(t, err)
	r.Header.Set("Content-Type", ndjson)
	report := reportOf("")
	go reports.Write([]byte(report + "\n" + report[:len(report)/2]))
	w, err := client(t).Do(r)
	check(t, err)
	defer w.Body.Close()
	lines := bufio.NewReader(w.Body)
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, `{"status":200,`) {
		t.Fatal(line, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	check(t, server.Shutdown(ctx))
	if rest, err := io.ReadAll(lines); err != nil || !strings.HasPrefix(string(rest), `{"status":503,"error":"Stopping",`) {
		t.Errorf("it ended with %q, %v", rest, err)
	}
	reports.Close()
}

// busy is a registry whose log is so far behind that a report waits in vain.
type busy struct{ *gatebook.Registry }

func (busy) Report(ctx context.Context, _ gatebook.Report) (gatebook.ReportResult, error) {
	if _, ends := ctx.Deadline(); !ends {
		return gatebook.ReportResult{}, nil
	}
	return gatebook.ReportResult{}, storage.ErrBusy
}

func TestReportThatWaitsInVain(t *testing.T) {
	t.Parallel()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	url := "http://" + serve(t, httpd.Config{Registry: busy{registry}}) + "/events"
	got := post(t, client(t), url, "application/json", reportOf(""))
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
		t.Errorf("got %d %v %s", got.status, got.header, got.body)
	}
}
