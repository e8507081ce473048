package main_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook"
)

// stalling passes connections on to a server, and from a server's answer so many bytes. It returns its address,
// and a channel that has a value for each answer that has stopped.
func stalling(t *testing.T, server string, bytes int64) (address string, stopped <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	stops, end := make(chan struct{}, 10), make(chan struct{})
	var running []chan struct{}
	accepted := make(chan struct{})
	pass := func(from net.Conn) {
		to, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
		if err == nil {
			go func() { _, _ = io.Copy(to, from) }() // ends with the connections
			if n, _ := io.CopyN(from, to, bytes); n == bytes {
				stops <- struct{}{}
				<-end
			}
			_ = to.Close()
		}
		_ = from.Close()
	}
	go func() {
		defer close(accepted)
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			done := make(chan struct{})
			running = append(running, done)
			go func() {
				defer close(done)
				pass(from)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-accepted
		close(end)
		for _, done := range running {
			<-done
		}
	})
	return "http://" + l.Addr().String(), stops
}

// TestStalledBackup has a server stop in the middle of a backup: the command ends, says what it has kept, and
// goes on the next time.
func TestStalledBackup(t *testing.T) {
	t.Parallel()
	data, folder := newSegments(t), filepath.Join(t.TempDir(), "backup")
	p := serve(t, "--data", data)
	address, _ := stalling(t, p.api, 300_000)
	var out, errs bytes.Buffer
	status := main.RunPausing(t.Context(), []string{"backup", folder, "--url", address}, &out, &errs, 500*time.Millisecond)
	want := regexp.MustCompile(`^gatebook: ` + regexp.QuoteMeta(address) + ` has sent nothing for 500ms in the middle of its answer; .*; ` +
		regexp.QuoteMeta(folder) + ` is a backup that has not finished, with the segments up to record \d+; run gatebook backup again, and it goes on\n$`)
	if status != 1 || !want.MatchString(errs.String()) {
		t.Errorf("status %d, it says %q", status, errs.String())
	}
	// A part of a log shows nothing of a head.
	since := filepath.Join(t.TempDir(), "head.txt")
	_, _, head := p.request("GET", "/log/checkpoint")
	must(t, os.WriteFile(since, []byte(head), 0o600))
	mustRefuse(t, folder+": the first backup into the folder was broken off", "verify", "--since", since, "--data", folder)
	if out := mustRun(t, "backup", folder, "--url", p.api); !strings.Contains(out, "there already") {
		t.Errorf("the next one says %q", out)
	}
	mustRun(t, "verify", "--data", folder)
}

// TestInterrupted ends commands by a signal, in the middle of what a server sends: they say so, what they have
// left, and how to go on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	data, room := newSegments(t), t.TempDir()
	p := serve(t, "--data", data)
	address, stopped := stalling(t, p.api, 20_000)
	backup, out := filepath.Join(room, "backup"), filepath.Join(room, "out")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"backup", backup}, "gatebook: interrupted; " + backup + " is a backup that has not finished, without a segment; run gatebook backup again\n"},
		{[]string{"export", "--out", out}, "gatebook: interrupted; " + out + " is not written; run gatebook export again\n"},
		{[]string{"export", "--format", "csv", "--out", out}, "gatebook: interrupted; " + out + " is not written; run gatebook export again\n"},
		{[]string{"list", "--status", "all", "-o", "csv"}, "gatebook: interrupted\n"},
	} {
		command := exec.Command(binary, append(c.args, "--url", address)...)
		var errs bytes.Buffer
		command.Stderr = &errs
		must(t, command.Start())
		select {
		case <-stopped:
		case <-time.After(deadline):
			t.Error("nothing was sent")
		}
		if c.args[0] == "backup" {
			eventually(t, "the backup has begun", func() bool { return isThere(filepath.Join(backup, "backup.json")) })
		}
		must(t, command.Process.Signal(os.Interrupt))
		_ = command.Wait() // its status says it
		if got := command.ProcessState.ExitCode(); got != 130 || errs.String() != c.says {
			t.Errorf("%q: status %d, it says %q, want %q", c.args, got, errs.String(), c.says)
		}
		if isThere(out) {
			t.Errorf("%q has left its file", c.args)
		}
	}
	left, err := filepath.Glob(filepath.Join(room, "gatebook-export-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("there are %v, %v", left, err)
	}
}

// TestInterruptedAtOnce runs commands whose signal has come already. Each has finished, or says that it was
// interrupted.
func TestInterruptedAtOnce(t *testing.T) {
	t.Parallel()
	data, room := newSegments(t), t.TempDir()
	book, backup := filepath.Join(room, "book.ndjson"), filepath.Join(room, "backup")
	mustRun(t, "export", "--data", data, "--out", book)
	mustRun(t, "backup", backup, "--data", data)
	served := filepath.Join(room, "served")
	serve(t, "--data", served)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	interrupted := 0
	for _, args := range [][]string{
		{"backup", filepath.Join(room, "b1"), "--data", data},
		{"backup", backup, "--data", data},
		{"backup", filepath.Join(room, "b2"), "--data", served},
		{"export", "--data", data, "--out", filepath.Join(room, "o1")},
		{"export", "--data", served, "--out", filepath.Join(room, "o2")},
		{"export", "--format", "csv", "--data", data, "--out", filepath.Join(room, "o3")},
		{"restore", backup, "--data", filepath.Join(room, "r1")},
		{"import", book, "--data", filepath.Join(room, "i1")},
		{"import", book, "--as-is", "--data", filepath.Join(room, "i2")},
		{"verify", "--data", data},
		{"verify", "--data", served},
		{"verify", "--data", data, "--salvage", filepath.Join(room, "s")},
		{"info", "--data", data},
		{"info", "--data", served},
		{"key", "--data", data},
		{"key", "--data", served},
		{"compact", "--data", data},
		{"rebuild", "--data", data},
		{"migrate", "--data", data},
		{"init", "--data", filepath.Join(room, "n")},
		{"user", "list", "--data", data},
		{"user", "list", "--data", served},
		{"list", "--data", served},
		{"status", "--data", served},
		{"show", "1", "--data", served},
		{"kill", "1", "--data", served},
		{"events", "--data", served},
	} {
		var out, errs bytes.Buffer
		status := main.RunAt(ctx, args, &out, &errs, 0, false, time.Now(), time.UTC)
		if status == 130 {
			interrupted++
		}
		if status != 0 && (status != 130 || !strings.HasPrefix(errs.String(), "gatebook: interrupted")) || strings.Contains(errs.String(), "canceled") {
			t.Errorf("%q: status %d, it says %q", args, status, errs.String())
		}
		if strings.Contains(errs.String(), "is not filled") {
			mustRefuse(t, "did not finish: run it again", "info", "--data", args[len(args)-1])
		}
	}
	if interrupted < 10 {
		t.Errorf("%d were interrupted", interrupted)
	}
	if _, err := os.Stat(filepath.Join(data, "compacting")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("compact has left files: %v", err)
	}
	mustRun(t, "verify", "--data", data)
}
