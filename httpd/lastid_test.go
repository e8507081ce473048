package httpd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/httpd"
	"gatebook/storage/index"
)

// TestNoIDsLeft gives the last id of a session: from then on /ready and reports of new sessions are
// answered 503 with what to do, and the session can end.
func TestNoIDsLeft(t *testing.T) {
	t.Parallel()
	clock := newClock()
	registry := openBook(t, clock, events.Record{Event: &events.LogRestored{NextSession: index.LargestID, By: "dba"}})
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	report := func(body string) (int, string) {
		t.Helper()
		w, err := asker.Post(base+"/events", "application/json", strings.NewReader(body))
		check(t, err)
		defer w.Body.Close()
		text, err := io.ReadAll(w.Body)
		check(t, err)
		return w.StatusCode, string(text)
	}
	opening := func(key string) string {
		return `{"source":"edge","incarnation":"a","events":[{"key":"` + key + `","kind":"session_opened","service":"orders","address":"192.0.2.7","port":40001}]}`
	}
	if status, text := report(opening("1")); status != http.StatusOK {
		t.Fatalf("the last session is answered %d %s", status, text)
	}
	const way = "Start the server with an empty data folder"
	if a := ask(t, asker, http.MethodGet, base+"/ready"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, way) {
		t.Errorf("/ready is answered %d %s", a.status, a.body)
	}
	if status, text := report(opening("2")); status != http.StatusServiceUnavailable || !strings.Contains(text, way) {
		t.Errorf("one more session is answered %d %s", status, text)
	}
	if status, text := report(`{"source":"edge","incarnation":"a","events":[{"key":"1","kind":"session_closed","reason":"client_closed"}]}`); status != http.StatusOK {
		t.Errorf("its end is answered %d %s", status, text)
	}
}
