package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestAnchorsOfServe has a server append its heads to a file and post them. Those that were kept
// verify, and what fails is shown.
func TestAnchorsOfServe(t *testing.T) {
	t.Parallel()
	var posted atomic.Pointer[string]
	var answer atomic.Int64
	answer.Store(http.StatusCreated)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Query().Get("token") != "secret" {
			t.Errorf("posted was %s %s: %v", r.Method, r.URL, err)
		}
		text := string(body)
		posted.Store(&text)
		w.WriteHeader(int(answer.Load()))
	}))
	defer receiver.Close()
	folder := t.TempDir()
	data, kept, config := filepath.Join(folder, "data"), filepath.Join(folder, "heads"), filepath.Join(folder, "gatebook.toml")
	must(t, os.WriteFile(config, []byte("[anchor]\nfile = \"heads\"\nurl = \""+receiver.URL+"/?token=secret\"\n"), 0o600))
	for run := range 2 {
		if run == 1 {
			answer.Store(http.StatusInsufficientStorage)
		}
		before, _ := os.ReadFile(kept) // in the first run there is none
		posted.Store(nil)
		p := serve(t, "--data", data, "--config", config)
		if run == 0 {
			p.request("GET", "/sessions") // a head of no records is not kept
		}
		eventually(t, "both have a head", func() bool {
			content, _ := os.ReadFile(kept)
			return len(content) > len(before) && posted.Swap(nil) != nil
		})
		want := "gatebook_anchor_failing{anchor=\"" + receiver.URL + "/\"} " + []string{"0", "1"}[run]
		eventually(t, "the metrics say it", func() bool {
			_, _, metrics := p.request("GET", "/metrics")
			if strings.Contains(metrics, "secret") {
				t.Fatal("the metrics have the secret of the address")
			}
			return strings.Contains(metrics, want) && strings.Contains(metrics, "gatebook_head_records ")
		})
		if status := p.stop(); status != 0 {
			t.Fatalf("the server ended with status %d", status)
		}
		newest, err := os.ReadFile(filepath.Join(data, "head"))
		must(t, err)
		all, err := os.ReadFile(kept)
		must(t, err)
		if !strings.HasSuffix(string(all), "\n\n"+string(newest)) && string(all) != string(newest) || strings.Contains(string(all), "\n0\n") {
			t.Errorf("after the stop the head is %q, and kept are %q", newest, all)
		}
	}
	if out := mustRun(t, "verify", "--since", kept, "--data", data); !strings.HasPrefix(out, "whole: ") {
		t.Errorf("verify says %q", out)
	}
}

// TestAnchorIsAPipe has a server keep heads in a pipe that nobody reads. It says that it cannot, and
// stops.
func TestAnchorIsAPipe(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, config := filepath.Join(folder, "pipe"), filepath.Join(folder, "gatebook.toml")
	must(t, syscall.Mkfifo(pipe, 0o600))
	must(t, os.WriteFile(config, []byte("[anchor]\nfile = \"pipe\"\n"), 0o600))
	p := serve(t, "--data", filepath.Join(folder, "data"), "--config", config)
	eventually(t, "the metrics say it", func() bool {
		p.request("GET", "/sessions")
		_, _, metrics := p.request("GET", "/metrics")
		return strings.Contains(metrics, "gatebook_anchor_failing{anchor=\""+pipe+"\"} 1")
	})
	if status := p.stop(); status != 0 {
		t.Errorf("the server ended with status %d", status)
	}
}
