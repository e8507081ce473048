package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/accounts"
	"gatebook/storage"
)

// reporter reports sessions to a server over the API, and remembers which were acknowledged.
type reporter struct {
	t    *testing.T
	name string

	mu    sync.Mutex
	acked map[string]bool // keys of sessions
	next  int
	// slowest is the longest that a report took.
	slowest time.Duration
}

// report reports sessions until ctx ends or the server is gone. Each report opens a session, and
// ends every other one.
func (r *reporter) report(ctx context.Context, api string) {
	asker := &http.Client{Timeout: deadline, Transport: &http.Transport{}}
	defer asker.CloseIdleConnections()
	for ctx.Err() == nil {
		r.mu.Lock()
		r.next++
		key := fmt.Sprintf("%s-%d", r.name, r.next)
		r.mu.Unlock()
		list := []map[string]any{
			{"key": key, "kind": "session_opened", "service": "orders", "address": "192.0.2.7", "port": 40001},
			{"key": key, "kind": "session_ready", "user": "user of " + key, "database": "shop"},
		}
		if r.next%2 == 0 {
			list = append(list, map[string]any{"key": key, "kind": "session_closed", "reason": "client_closed"})
		}
		body, err := json.Marshal(map[string]any{"source": r.name, "incarnation": "a", "lease": "1h", "events": list})
		if err != nil {
			r.t.Error(err)
			return
		}
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/events", bytes.NewReader(body))
		if err != nil {
			r.t.Error(err)
			return
		}
		q.Header.Set("Content-Type", "application/json")
		began := time.Now()
		answer, err := asker.Do(q)
		if err != nil {
			return // it was killed, or ctx has ended
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			r.t.Errorf("a report is answered %d %s", answer.StatusCode, &text)
			return
		}
		if err == nil {
			r.mu.Lock()
			r.acked[key] = true
			r.slowest = max(r.slowest, time.Since(began))
			r.mu.Unlock()
		}
	}
}

// acknowledged returns the keys that are acknowledged by now.
func (r *reporter) acknowledged() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]bool, len(r.acked))
	for key := range r.acked {
		all[key] = true
	}
	return all
}

// opened returns the keys of the sessions in the log of a folder, and fails where one is there
// twice or was never reported.
func (r *reporter) opened(folder string) map[string]bool {
	r.t.Helper()
	keys := make(map[string]bool)
	_, _, err := storage.ReadStored(r.t.Context(), filepath.Join(folder, "log"), nil, func(sequence uint64, stored []byte) error {
		record, err := new(events.Coder).Decode(sequence, stored)
		if e, ok := record.Event.(*events.SessionOpened); ok && e.Source == r.name {
			if keys[e.Key] || !strings.HasPrefix(e.Key, r.name+"-") {
				r.t.Errorf("session %s is there twice, or is invented", e.Key)
			}
			keys[e.Key] = true
		}
		return err
	})
	must(r.t, err)
	return keys
}

// has fails unless a folder has all sessions that were acknowledged.
func (r *reporter) has(folder string, acknowledged map[string]bool) {
	r.t.Helper()
	have := r.opened(folder)
	for key := range acknowledged {
		if !have[key] {
			r.t.Fatalf("session %s was acknowledged before the backup, and is not in it", key)
		}
	}
}

// gatebookCommand runs the program, and returns what it prints and its exit status.
func gatebookCommand(t *testing.T, args ...string) (string, int) {
	t.Helper()
	command := exec.Command(binary, args...)
	out, _ := command.CombinedOutput() // the status says it
	return string(out), command.ProcessState.ExitCode()
}

// mustRun runs the program, which must succeed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, status := gatebookCommand(t, args...)
	if status != 0 {
		t.Fatalf("gatebook %q: status %d: %s", args, status, out)
	}
	return out
}

// mustRefuse runs the program, which must fail and say a text.
func mustRefuse(t *testing.T, text string, args ...string) {
	t.Helper()
	out, status := gatebookCommand(t, args...)
	if status != 1 || !strings.Contains(out, text) {
		t.Errorf("gatebook %q: status %d: %s; want %q", args, status, out, text)
	}
}

// newSegments begins a book with many small segments, and returns its folder.
func newSegments(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{SegmentBytes: 64 << 10})
	must(t, err)
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	must(t, err)
	for range 500 {
		id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
		must(t, err)
		_, err = source.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonClientClosed, Description: strings.Repeat("x", 200)})
		must(t, err)
	}
	must(t, registry.Close())
	return folder
}

// TestBackupUnderLoad backs a server up that sessions are reported to: over the control socket,
// with links and onto another file system, and over the network. Each backup verifies by itself
// and has what was acknowledged before it.
func TestBackupUnderLoad(t *testing.T) {
	data := newSegments(t)
	p := serve(t, "--data", data)
	r := &reporter{t: t, name: "edge", acked: make(map[string]bool)}
	ctx, stop := context.WithCancel(t.Context())
	var reporting sync.WaitGroup
	reporting.Go(func() { r.report(ctx, p.api) })
	eventually(t, "sessions are reported", func() bool { return len(r.acknowledged()) > 20 })
	elsewhere := t.TempDir()
	if err := syscall.Mount("tmpfs", elsewhere, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("another file system cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(elsewhere, 0)) })
	real := t.TempDir()
	linked := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(real, linked))
	for name, args := range map[string][]string{
		"same disk":   {filepath.Join(t.TempDir(), "backup"), "--data", data},
		"a link":      {filepath.Join(linked, "backup"), "--data", data},
		"other disk":  {filepath.Join(elsewhere, "backup"), "--data", data},
		"the network": {filepath.Join(t.TempDir(), "backup"), "--url", p.api},
	} {
		for range 3 {
			before := r.acknowledged()
			out := mustRun(t, append([]string{"backup"}, args...)...)
			if !strings.HasPrefix(out, "backed up: ") || !strings.Contains(out, "without key and accounts") || strings.Count(out, "\n") != 1 {
				t.Errorf("%s: it says %q", name, out)
			}
			if out := mustRun(t, "verify", "--data", args[0]); !strings.HasPrefix(out, "whole: ") {
				t.Errorf("%s: verify says %q", name, out)
			}
			r.has(args[0], before)
		}
		mustRefuse(t, "is a backup", "serve", "--data", args[0], "--listen", "127.0.0.1:0")
		out := mustRun(t, "info", "--data", args[0])
		if !strings.Contains(out, "In use    no") {
			t.Errorf("%s: info says %s", name, out)
		}
	}
	stop()
	reporting.Wait()
	if text := p.stderr.String(); !regexp.MustCompile(`"actor":"unix:\w+".*"message":"backup"`).MatchString(text) || !regexp.MustCompile(`"actor":"anonymous@127\.0\.0\.1".*"message":"backup"`).MatchString(text) {
		t.Errorf("the log does not say who has made backups: %s", text)
	}
	mustRefuse(t, "would be in the folder", "backup", filepath.Join(data, "backup"), "--data", data)
	if p.stop() != 0 {
		t.Error("it did not stop in order")
	}
	// Without a server.
	dir := filepath.Join(t.TempDir(), "offline")
	mustRun(t, "backup", dir, "--data", data)
	mustRun(t, "verify", "--data", dir)
	r.has(dir, r.acknowledged())
	mustRefuse(t, "there is no data folder", "backup", dir, "--data", filepath.Join(data, "none"))
	mustRefuse(t, "is a backup", "backup", filepath.Join(t.TempDir(), "second"), "--data", dir)
}

// TestBackupIsKilled kills the backup, and the server, at random moments. The backup stays a log,
// and goes on.
func TestBackupIsKilled(t *testing.T) {
	data := newSegments(t)
	p := serve(t, "--data", data)
	r := &reporter{t: t, name: "edge", acked: make(map[string]bool)}
	var reporting sync.WaitGroup
	defer reporting.Wait()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reporting.Go(func() { r.report(ctx, p.api) })
	dir := filepath.Join(t.TempDir(), "backup")
	killed, whole := 0, 0
	for round := range 24 {
		args := []string{"backup", dir, "--url", p.api}
		if round%2 == 0 {
			args = []string{"backup", dir, "--data", data}
		}
		command := exec.Command(binary, args...)
		var said bytes.Buffer
		command.Stdout, command.Stderr = &said, &said
		must(t, command.Start())
		wait := time.Duration(rand.Int64N(int64(300 * time.Millisecond)))
		killing := time.AfterFunc(wait, func() {
			if round%8 == 7 { // the server goes away instead
				_ = p.command.Process.Kill()
				return
			}
			_ = command.Process.Kill()
		})
		err := command.Wait()
		killing.Stop()
		if round%8 == 7 {
			p.kill()
			reporting.Wait()
			p = serve(t, "--data", data)
			reporting.Go(func() { r.report(ctx, p.api) })
		}
		if err != nil {
			killed++
		}
		if _, err := storage.ReadBackupMark(dir); err != nil {
			continue // it was killed before it began
		}
		out, status := gatebookCommand(t, "verify", "--data", dir)
		mark, err := storage.ReadBackupMark(dir)
		must(t, err)
		switch {
		case mark.Complete && status != 0:
			t.Fatalf("round %d: the backup is damaged: %s", round, out)
		case !mark.Complete && status == 0:
			t.Fatalf("round %d: the backup is not complete, and verify says %s", round, out)
		case mark.Complete:
			whole++
		}
	}
	if killed == 0 || whole == 0 {
		t.Errorf("%d were killed, %d were whole: the test shows nothing", killed, whole)
	}
	before := r.acknowledged()
	mustRun(t, "backup", dir, "--data", data)
	mustRun(t, "verify", "--data", dir)
	r.has(dir, before)
}

// TestBackupSecrets asks for the accounts too, and not.
func TestBackupSecrets(t *testing.T) {
	data := newSegments(t)
	f := accounts.File{Folder: data, Cost: 4}
	must(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword), f.Add(t.Context(), "bob", accounts.Basic, bobsPassword))
	p := serve(t, "--data", data)
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(annsPassword), 0o600))
	has := func(dir string, want bool) {
		t.Helper()
		for _, name := range []string{"key", "accounts"} {
			own, err := os.ReadFile(filepath.Join(data, name))
			must(t, err)
			got, err := os.ReadFile(filepath.Join(dir, name))
			info, _ := os.Stat(filepath.Join(dir, name))
			if want != (err == nil) || want && (!bytes.Equal(got, own) || info.Mode().Perm() != 0o600) {
				t.Errorf("%s is there: %v, want %v", name, err == nil, want)
			}
		}
		if head, err := os.ReadFile(filepath.Join(dir, "head")); err != nil || !strings.HasPrefix(string(head), "gatebook/") {
			t.Errorf("the head is %q, %v", head, err)
		}
	}
	for _, from := range [][]string{{"--data", data}, {"--url", p.api, "--account", "ann", "--password-file", password}} {
		dir := filepath.Join(t.TempDir(), "backup")
		mustRun(t, append([]string{"backup", dir}, from...)...)
		has(dir, false)
		if out := mustRun(t, append([]string{"backup", dir, "--with-secrets"}, from...)...); !strings.Contains(out, "with key and accounts") {
			t.Errorf("it says %q", out)
		}
		has(dir, true)
		mustRun(t, append([]string{"backup", dir}, from...)...)
		has(dir, false)
	}
	must(t, os.WriteFile(password, []byte(bobsPassword), 0o600))
	mustRefuse(t, "admin", "backup", filepath.Join(t.TempDir(), "backup"), "--url", p.api, "--account", "bob", "--password-file", password)
}
