package main_test

import (
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

// ended returns the sessions of a server that have ended, as it shows them.
func (p *program) ended() map[uint64]string {
	p.t.Helper()
	all := make(map[uint64]string)
	var list []json.RawMessage
	p.get("/sessions?status=closed&fields=*&service=orders", &list)
	for _, b := range list {
		var s session
		must(p.t, json.Unmarshal(b, &s))
		all[s.ID] = string(b)
	}
	return all
}

// TestRestoreElsewhere backs a server up under load, kills it and removes its data, and restores
// the backup on another machine: what had ended is answered as before, followers with a place in
// the lost future are told so, and no id comes again.
func TestRestoreElsewhere(t *testing.T) {
	data := newSegments(t)
	f := accounts.File{Folder: data, Cost: 4}
	p := serve(t, "--data", data)
	r := &reporter{t: t, name: "edge", acked: make(map[string]bool)}
	ctx, stop := context.WithCancel(t.Context())
	var reporting sync.WaitGroup
	reporting.Go(func() { r.report(ctx, p.api) })
	eventually(t, "sessions are reported", func() bool { return len(r.acknowledged()) > 100 })
	before, ended := r.acknowledged(), p.ended()
	must(t, f.Add(t.Context(), "bob", accounts.Basic, bobsPassword), f.Remove(t.Context(), "bob", true))
	dir := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", dir, "--data", data, "--with-secrets")
	eventually(t, "it goes on", func() bool { return len(r.acknowledged()) > len(before)+50 })
	var future []struct{ Sequence uint64 }
	p.get("/events?limit=1000&after="+fmt.Sprint(headOf(t, p)-1), &future)
	place := placeOf(t, p, future[len(future)-1].Sequence)
	highest := uint64(0)
	for _, s := range p.sessions("all") {
		highest = max(highest, s.ID)
	}
	p.kill()
	stop()
	reporting.Wait()
	must(t, os.RemoveAll(data))

	target := filepath.Join(t.TempDir(), "restored")
	out := mustRun(t, "restore", dir, "--data", target)
	if !strings.HasPrefix(out, "restored: ") || !strings.Contains(out, "with key and accounts") || strings.Count(out, "\n") != 1 {
		t.Errorf("it says %q", out)
	}
	if out := mustRun(t, "verify", "--data", target); !strings.HasPrefix(out, "whole: ") {
		t.Errorf("verify says %q", out)
	}
	r.has(target, before)
	p = serve(t, "--data", target)
	after := p.ended()
	for id, was := range ended {
		if after[id] != was {
			t.Fatalf("session %d was\n%s and is\n%s", id, was, after[id])
		}
	}
	if live := p.sessions("live"); len(live) > 0 {
		t.Errorf("%d sessions live", len(live))
	}
	status, _, body := p.request(http.MethodGet, "/events?after="+place)
	if status != http.StatusBadRequest {
		t.Errorf("at %s, a place in the lost future, the answer is %d %s", place, status, body)
	}
	ctx, stop = context.WithCancel(t.Context())
	r2 := &reporter{t: t, name: "edge-2", acked: make(map[string]bool)}
	reporting.Go(func() { r2.report(ctx, p.api) })
	eventually(t, "the log is beyond the place", func() bool { return headOf(t, p) > future[0].Sequence+10 && len(r2.acknowledged()) > 0 })
	stop()
	reporting.Wait()
	status, _, body = p.request(http.MethodGet, "/events?after="+place)
	if status != http.StatusBadRequest || !strings.Contains(body, "before it was restored") {
		t.Errorf("at %s, a place in the lost future, the answer is %d %s", place, status, body)
	}
	for _, s := range p.sessions("all") {
		if strings.HasPrefix(s.User, "user of edge-2-") && s.ID <= highest {
			t.Errorf("session %d has an id that was given before", s.ID)
		}
	}
	var restored []struct {
		By      string
		Records uint64
	}
	p.get("/events?kind=log_restored", &restored)
	if len(restored) != 1 || !strings.HasPrefix(restored[0].By, "unix:") || restored[0].Records == 0 {
		t.Errorf("on the record is %+v", restored)
	}
}

// headOf returns the sequence of the last record of a server.
func headOf(t *testing.T, p *program) (head uint64) {
	t.Helper()
	_, header, _ := p.request(http.MethodGet, "/sources")
	_, err := fmt.Sscan(header.Get("Gatebook-Sequence"), &head)
	must(t, err)
	return head
}

// placeOf returns the id of an event, as followers are given it.
func placeOf(t *testing.T, p *program, sequence uint64) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), deadline)
	defer stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/events?follow=true&after=%d", p.api, sequence-1), nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(q)
	must(t, err)
	defer answer.Body.Close()
	var text strings.Builder
	id := regexp.MustCompile(`(?m)^id: ?(` + fmt.Sprint(sequence) + `-\S+)$`)
	for b := make([]byte, 4096); ; {
		n, err := answer.Body.Read(b)
		text.Write(b[:n])
		if found := id.FindStringSubmatch(text.String()); found != nil {
			return found[1]
		}
		must(t, err)
	}
}

// TestRestoreIsKilled kills a restore at random moments: no server starts in what it leaves, and
// it can be done again.
func TestRestoreIsKilled(t *testing.T) {
	data := newSegments(t)
	dir := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", dir, "--data", data)
	mustRefuse(t, "is not empty", "restore", dir, "--data", data)
	mustRefuse(t, "another folder", "restore", dir, "--data", filepath.Join(dir, "within"))
	mustRefuse(t, "is no backup", "restore", data, "--data", filepath.Join(t.TempDir(), "restored"))
	began := time.Now()
	mustRun(t, "restore", dir, "--data", filepath.Join(t.TempDir(), "restored"))
	took := time.Since(began) // on this machine, now
	killed, refused := 0, 0
	for range 20 {
		target := filepath.Join(t.TempDir(), "restored")
		for try := 0; ; try++ {
			command := exec.Command(binary, "restore", dir, "--data", target)
			must(t, command.Start())
			killing := time.AfterFunc(time.Duration(rand.Int64N(int64(took))), func() { _ = command.Process.Kill() })
			err := command.Wait()
			killing.Stop()
			if err == nil || try == 5 {
				break
			}
			killed++
			if _, err := os.Stat(filepath.Join(target, "unfinished.json")); err == nil {
				refused++
				mustRefuse(t, "did not finish", "serve", "--data", target, "--listen", "127.0.0.1:0")
				if _, err := gatebook.Open(t.Context(), target, gatebook.Options{}); err == nil {
					t.Fatal("it was opened")
				}
			}
		}
		if _, err := os.Stat(filepath.Join(target, "unfinished.json")); err == nil || !isThere(filepath.Join(target, "log")) {
			mustRun(t, "restore", dir, "--data", target)
		}
		mustRun(t, "verify", "--data", target)
		registry, err := gatebook.Open(t.Context(), target, gatebook.Options{})
		must(t, err)
		n := 0
		feed := registry.Feed(0, gatebook.EventFilter{Kinds: []events.Kind{events.KindLogRestored}})
		for until := registry.Moment().Sequence; feed.Position() < until; {
			page, err := feed.Next(until)
			must(t, err)
			n += len(page)
		}
		if m := registry.Moment(); n != 1 || m.Closed != 500 {
			t.Errorf("it was restored %d times, and has %+v", n, m)
		}
		must(t, registry.Close())
	}
	if killed == 0 || refused == 0 {
		t.Errorf("%d were killed, %d left something: the test shows nothing", killed, refused)
	}
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestRestoreFromReadOnly verifies and restores a backup on a disk that is mounted read-only.
func TestRestoreFromReadOnly(t *testing.T) {
	data, disk := newSegments(t), t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("another file system cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(disk, 0)) })
	dir := filepath.Join(disk, "backup")
	mustRun(t, "backup", dir, "--data", data)
	must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	mustRun(t, "verify", "--data", dir)
	mustRun(t, "info", "--data", dir)
	mustRefuse(t, "read-only", "backup", dir, "--data", data)
	target := filepath.Join(t.TempDir(), "restored")
	mustRun(t, "restore", dir, "--data", target)
	mustRun(t, "verify", "--data", target)
	mustRefuse(t, "read-only", "restore", dir, "--data", filepath.Join(disk, "restored"))
}

// TestRestoreOntoFullDisk restores and imports onto a disk that is too small, and again when there
// is room.
func TestRestoreOntoFullDisk(t *testing.T) {
	data, disk := newSegments(t), t.TempDir()
	dir, file := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "book.ndjson")
	mustRun(t, "backup", dir, "--data", data)
	mustRun(t, "export", "--data", data, "--out", file)
	for _, args := range [][]string{{"restore", dir}, {"import", file}} {
		for _, size := range []string{"16k", "100k", "200k", "300k"} {
			if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
				t.Skipf("a small disk cannot be mounted, which takes root and mount(2): %v", err)
			}
			unmount := sync.OnceFunc(func() { must(t, syscall.Unmount(disk, 0)) })
			t.Cleanup(unmount)
			target := filepath.Join(disk, "target")
			args := append(args, "--data", target)
			if out, status := gatebookCommand(t, args...); status != 1 || !strings.Contains(out, "no space left") {
				t.Errorf("%v with %s: status %d, %s", args, size, status, out)
			}
			if isThere(filepath.Join(target, "unfinished.json")) {
				mustRefuse(t, "did not finish", "serve", "--data", target, "--listen", "127.0.0.1:0")
			} else if isThere(filepath.Join(target, "log")) {
				t.Errorf("%v with %s has left a log that a server would take", args, size)
			}
			must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, "size=64m"))
			mustRun(t, args...)
			mustRun(t, "verify", "--data", target)
			unmount()
		}
	}
}

// TestRestoreOfABrokenOffBackup restores a backup that has segments of a later one that was broken off: it
// is as of the last record that there is, and not as of the first backup.
func TestRestoreOfABrokenOffBackup(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	dir, later, target := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "later"), filepath.Join(t.TempDir(), "restored")
	mustRun(t, "backup", dir, "--data", data)
	first, err := storage.ReadBackupMark(dir)
	must(t, err)
	registry, err := gatebook.Open(t.Context(), data, gatebook.Options{SegmentBytes: 64 << 10})
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
	// The later backup ends after its last segment, and before its mark.
	mustRun(t, "backup", later, "--data", data)
	must(t, os.RemoveAll(filepath.Join(dir, "log")), os.CopyFS(filepath.Join(dir, "log"), os.DirFS(filepath.Join(later, "log"))))
	mustRun(t, "verify", "--data", dir)
	_, head, err := storage.InspectBackup(dir)
	must(t, err)
	last := head.Recorded.Time().UTC()
	if head.Sequence <= first.Sequence || !last.After(first.Taken) {
		t.Fatalf("the backup has %d records until %v, and was taken at %v with %d", head.Sequence, last, first.Taken, first.Sequence)
	}
	out := mustRun(t, "restore", dir, "--data", target)
	if want := fmt.Sprintf("restored: %d records to ", head.Sequence); !strings.HasPrefix(out, want) || !strings.Contains(out, "as of "+last.Format("2006-01-02T15:04:05")) {
		t.Errorf("it says %q; want it as of %v", out, last)
	}
	log, err := storage.OpenBolt(filepath.Join(target, "log"), storage.BoltOptions{})
	must(t, err)
	page := make([]events.Record, 1)
	_, err = log.Read(head.Sequence, page)
	must(t, err, log.Close())
	if e, ok := page[0].Event.(*events.LogRestored); !ok || e.Records != head.Sequence || !e.Taken.Time().Equal(last) {
		t.Errorf("record %d is %+v; want a restore as of %v", head.Sequence+1, page[0].Event, last)
	}
}
