package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestVerifyCommand verifies the log of a server that runs, of one that has stopped, and a
// damaged one, which it then salvages.
func TestVerifyCommand(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", folder)
	for range 20 {
		if status, _, body := p.request("GET", "/sessions"); status != 200 {
			t.Fatal(body)
		}
	}
	verify := func(status int, args ...string) string {
		t.Helper()
		command := exec.Command(binary, append([]string{"verify", "--data", folder}, args...)...)
		out, _ := command.CombinedOutput() // the status says it
		if got := command.ProcessState.ExitCode(); got != status {
			t.Errorf("verify %q: status %d, want %d: %s", args, got, status, out)
		}
		return string(out)
	}
	if out := verify(0); !strings.HasPrefix(out, "whole: ") || !strings.Contains(out, " in 1 segment, ") {
		t.Errorf("over a running server it says %q", out)
	}
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	if out := verify(0, "--json"); !strings.Contains(out, `"faults":[]`) || !strings.Contains(out, `"segments":1`) {
		t.Errorf("as JSON it says %q", out)
	}
	path := filepath.Join(folder, "log", "00000000000000000001.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Each copy of a record is damaged: some are in pages that the file no longer uses.
	damaged := strings.ReplaceAll(string(b), "127.0.0.1", "927.0.0.1")
	if damaged == string(b) {
		t.Fatal("no address is in the log")
	}
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	out := verify(1)
	for _, want := range []string{"damaged: ", "00000000000000000001.db, record ", "--salvage"} {
		if !strings.Contains(out, want) {
			t.Errorf("over a damaged log it says %q, want %q in it", out, want)
		}
	}
	copied := filepath.Join(t.TempDir(), "copied")
	if out := verify(0, "--salvage", copied); !strings.Contains(out, "copied to "+copied) || !strings.Contains(out, "left from there on: ") {
		t.Errorf("salvaging it says %q", out)
	}
	verify(1, "--salvage", copied) // it exists
	p = serve(t, "--data", copied)
	if status, _, body := p.request("GET", "/ready"); status != 200 {
		t.Errorf("what was salvaged is not ready: %s", body)
	}
}

// TestVerifyOfAStoppedServer asks a server whose process is stopped: the command does not wait
// for ever, and says why it ends.
func TestVerifyOfAStoppedServer(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", folder)
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.command.Process.Signal(syscall.SIGCONT) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, _ := exec.CommandContext(ctx, binary, "verify", "--data", folder).CombinedOutput() // what it says is compared
	if want := "nothing came for 20s; its process may be stopped"; !strings.Contains(string(out), want) {
		t.Errorf("it says %q, want %q in it", out, want)
	}
}

// TestVerifyOfALogWithoutItsEnd removes the newest segment of a log and what says where it ended.
// What is left is a whole log; that the archive was made from a longer one shows that it is not.
func TestVerifyOfALogWithoutItsEnd(t *testing.T) {
	t.Parallel()
	folder, config := largeBook(t, 15_000), filepath.Join(t.TempDir(), "gatebook.toml")
	if err := os.WriteFile(config, []byte("[log]\nsegment_bytes = 1048576\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--data", folder, "--config", config)
	segments := func() []string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(folder, "log", "*.db"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	eventually(t, "a segment was begun", func() bool { p.get("/sessions?limit=1", &[]session{}); return len(segments()) > 1 })
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	verify := func() string {
		out, _ := exec.Command(binary, "verify", "--data", folder).CombinedOutput() // what it says is compared
		return string(out)
	}
	if out := verify(); !strings.HasPrefix(out, "whole: ") {
		t.Fatalf("of the whole log it says %q", out)
	}
	all := segments()
	for _, path := range []string{all[len(all)-1], filepath.Join(folder, "log", "tail")} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if out := verify(); !strings.Contains(out, "book.db was made from it up to record") || !strings.HasPrefix(out, "damaged: ") {
		t.Errorf("without its end it says %q", out)
	}
}
