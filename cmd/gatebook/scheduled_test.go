package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A kill that was scheduled holds over kill -9: it comes when it is due, is taken back,
// or moved, as if nothing had been.
func TestScheduledKillSurvivesKillNine(t *testing.T) {
	args := []string{"--data", filepath.Join(t.TempDir(), "data")}
	p := serve(t, args...)
	report := func(events string) map[string]uint64 {
		t.Helper()
		text := `{"source":"edge-1","incarnation":"1","lease":"1h","events":[` + events + `]}`
		answer, err := http.Post(p.api+"/events", "application/json", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var got struct{ Sessions map[string]uint64 }
		body, err := io.ReadAll(answer.Body)
		if err == nil {
			err = json.Unmarshal(body, &got)
		}
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %s", answer.Status, err, body)
		}
		return got.Sessions
	}
	remove := func(id uint64, query string, want int) {
		t.Helper()
		if status, _, body := p.request(http.MethodDelete, fmt.Sprintf("/sessions/%d?%s", id, query)); status != want {
			t.Fatalf("DELETE of session %d, %s: %d %s, want %d", id, query, status, body, want)
		}
	}
	ids := report(`{"kind":"session_opened","key":"withdrawn","service":"orders"},{"kind":"session_opened","key":"moved","service":"orders"}`)
	remove(ids["withdrawn"], "ttl=1h", http.StatusAccepted)
	remove(ids["moved"], "ttl=1h&reason=far", http.StatusAccepted)
	due := uint64(0)
	for ttl := 2 * time.Second; ; ttl *= 2 {
		// Where the machine is so slow that its time has come before, it is done again.
		due = report(fmt.Sprintf(`{"kind":"session_opened","key":"due in %s","service":"orders"}`, ttl))["due in "+ttl.String()]
		scheduled := time.Now()
		remove(due, fmt.Sprintf("ttl=%s&reason=soon", ttl), http.StatusAccepted)
		p.kill()
		if time.Since(scheduled) < ttl {
			break
		}
		p = serve(t, args...)
	}
	p = serve(t, args...)

	ctx, stop := context.WithTimeout(t.Context(), deadline)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api+"/events?source=edge-1&kind=kill_requested&follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	feed, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Body.Close()
	kills := bufio.NewScanner(feed.Body)
	hear := func(id uint64, why string) {
		t.Helper()
		for kills.Scan() {
			text, ok := strings.CutPrefix(kills.Text(), "data: ")
			var kill struct {
				Session         uint64
				By, Description string
			}
			if !ok {
				continue
			}
			if err := json.Unmarshal([]byte(text), &kill); err != nil {
				t.Fatal(err)
			}
			if kill.Session == id && kill.Description == why && kill.By == "anonymous@127.0.0.1" {
				return
			}
			if kill.Session >= due { // one of before may be pending
				t.Fatalf("heard %s, want the kill of session %d: %s", text, id, why)
			}
		}
		t.Fatalf("the kill of session %d does not come: %v", id, kills.Err())
	}
	hear(due, "soon")
	remove(ids["withdrawn"], "cancel=true", http.StatusNoContent)
	remove(ids["withdrawn"], "cancel=true", http.StatusConflict)
	remove(ids["moved"], "ttl=1ms&reason=near", http.StatusAccepted)
	for kills.Scan() && !strings.Contains(kills.Text(), `"description":"near"`) {
	}
	if want := fmt.Sprintf(`"session":%d,"key":"moved","by":"anonymous@127.0.0.1","description":"near"`, ids["moved"]); !strings.Contains(kills.Text(), want) {
		t.Errorf("heard %s, want %s: %v", kills.Text(), want, kills.Err())
	}
	if s := p.sessions("live"); len(s) < 3 {
		t.Errorf("there live %+v", s)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
}
