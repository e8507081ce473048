//go:build soak

package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// ordinary fills a book with so many sessions of ten records each.
func ordinary(t *testing.T, folder string, sessions int) {
	t.Helper()
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{SegmentBytes: 32 << 20})
	must(t, err)
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	must(t, err)
	var wg sync.WaitGroup
	for worker := range 64 {
		wg.Go(func() {
			for n := worker; n < sessions; n += 64 {
				id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Protocol: "mysql", Listener: "0.0.0.0:4006", Address: fmt.Sprintf("192.0.2.%d", n%250), Port: uint16(n)})
				if err == nil {
					err = source.Record(t.Context(), id, &events.ConnectionOpened{Connection: 1, Server: "db-1", ServerID: uint64(n)},
						&events.SessionReady{User: fmt.Sprintf("user %d", n%1000), Database: "shop", Program: "checkout"})
				}
				for i := range uint64(6) {
					if err == nil {
						err = source.Record(t.Context(), id, &events.StatisticsRecorded{Final: events.Final{Connection: uint32(i % 2), Counters: events.Counters{Reads: i * 100, BytesRead: i * 52_000}}})
					}
				}
				if err == nil {
					_, err = source.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonClientClosed})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	must(t, registry.Close())
}

// TestMeasureBackup measures a first and a later backup of a million records, and what those who
// report lose meanwhile. docs/PERFORMANCE.md has what it prints.
func TestMeasureBackup(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ordinary(t, data, 100_000)
	p := serve(t, "--data", data)
	reporters := make([]*reporter, 2)
	ctx, stop := context.WithCancel(t.Context())
	var reporting sync.WaitGroup
	for i := range reporters {
		reporters[i] = &reporter{t: t, name: fmt.Sprint("edge-", i), acked: make(map[string]bool)}
		reporting.Go(func() { reporters[i].report(ctx, p.api) })
	}
	// rate returns how many reports a second are acknowledged while f runs, how long the longest took,
	// and how much processor the server took.
	rate := func(f func()) string {
		acknowledged := func() (n int, slowest time.Duration) {
			for _, r := range reporters {
				r.mu.Lock()
				n, slowest, r.slowest = n+len(r.acked), max(slowest, r.slowest), 0
				r.mu.Unlock()
			}
			return n, slowest
		}
		before, _ := acknowledged()
		began, busy := time.Now(), p.processor()
		f()
		n, slowest := acknowledged()
		took := time.Since(began)
		return fmt.Sprintf("%.0f reports/s, the longest %s, the server took %.2f s of processor in %s", float64(n-before)/took.Seconds(), slowest.Round(time.Millisecond), p.processor()-busy, took.Round(time.Millisecond))
	}
	elsewhere := t.TempDir()
	must(t, syscall.Mount("tmpfs", elsewhere, "tmpfs", 0, "size=600m"))
	t.Cleanup(func() { must(t, syscall.Unmount(elsewhere, 0)) })
	t.Logf("alone: %s", rate(func() { time.Sleep(5 * time.Second) }))
	for name, args := range map[string][]string{
		"linked":      {filepath.Join(t.TempDir(), "backup"), "--data", data},
		"other disk":  {filepath.Join(elsewhere, "backup"), "--data", data},
		"the network": {filepath.Join(t.TempDir(), "backup"), "--url", p.api},
	} {
		for _, which := range []string{"first", "later", "later"} {
			var said string
			var took time.Duration
			r := rate(func() {
				command := exec.Command(binary, append([]string{"backup"}, args...)...)
				out, err := command.CombinedOutput()
				must(t, err)
				said, took = string(out), command.ProcessState.UserTime()+command.ProcessState.SystemTime()
			})
			t.Logf("%s, %s: %s, the command %.2f s: %s", name, which, r, took.Seconds(), strings.TrimSpace(said))
		}
		must(t, os.RemoveAll(args[0]))
	}
	t.Logf("alone again: %s", rate(func() { time.Sleep(5 * time.Second) }))
	stop()
	reporting.Wait()
	p.stop()
	began := time.Now()
	dir := filepath.Join(t.TempDir(), "offline")
	t.Logf("offline: %s", mustRun(t, "backup", dir, "--data", data))
	t.Logf("restored: %s", mustRun(t, "restore", dir, "--data", filepath.Join(t.TempDir(), "restored")))
	t.Logf("in %s", time.Since(began))
	t.Logf("%s", mustRun(t, "rebuild", "--data", data))
	began = time.Now()
	file := filepath.Join(t.TempDir(), "book.ndjson")
	mustRun(t, "export", "--data", data, "--out", file)
	info, err := os.Stat(file)
	must(t, err)
	t.Logf("exported in %s, %d MiB", time.Since(began), info.Size()>>20)
	began = time.Now()
	mustRun(t, "import", file, "--data", filepath.Join(t.TempDir(), "imported"))
	t.Logf("imported in %s", time.Since(began))
	t.Logf("%s", mustRun(t, "compact", "--data", data))
	t.Logf("%s", mustRun(t, "info", "--data", data))
}

// processor returns how many seconds of processor a server has taken.
func (p *program) processor() float64 {
	p.t.Helper()
	_, _, body := p.request("GET", "/metrics")
	for line := range strings.Lines(body) {
		if value, found := strings.CutPrefix(line, "process_cpu_seconds_total "); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(p.t, err)
			return n
		}
	}
	p.t.Fatal("the server does not say how much processor it takes")
	return 0
}
