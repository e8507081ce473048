//go:build soak

package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	reporters := make([]*reporter, 8)
	ctx, stop := context.WithCancel(t.Context())
	var reporting sync.WaitGroup
	for i := range reporters {
		reporters[i] = &reporter{t: t, name: fmt.Sprint("edge-", i), acked: make(map[string]bool)}
		reporting.Go(func() { reporters[i].report(ctx, p.api) })
	}
	acknowledged := func() (n int) {
		for _, r := range reporters {
			n += len(r.acknowledged())
		}
		return n
	}
	// rate returns how many sessions a second are acknowledged while f runs.
	rate := func(f func()) float64 {
		before, began := acknowledged(), time.Now()
		f()
		return float64(acknowledged()-before) / time.Since(began).Seconds()
	}
	elsewhere := t.TempDir()
	must(t, syscall.Mount("tmpfs", elsewhere, "tmpfs", 0, "size=600m"))
	t.Cleanup(func() { must(t, syscall.Unmount(elsewhere, 0)) })
	t.Logf("alone: %.0f reports/s", rate(func() { time.Sleep(5 * time.Second) }))
	for name, args := range map[string][]string{
		"linked":      {filepath.Join(t.TempDir(), "backup"), "--data", data},
		"other disk":  {filepath.Join(elsewhere, "backup"), "--data", data},
		"the network": {filepath.Join(t.TempDir(), "backup"), "--url", p.api},
	} {
		for _, which := range []string{"first", "later", "later"} {
			var out string
			began := time.Now()
			r := rate(func() { out = mustRun(t, append([]string{"backup"}, args...)...) })
			t.Logf("%s, %s: %s, %.0f reports/s meanwhile: %s", name, which, time.Since(began).Round(time.Millisecond), r, strings.TrimSpace(out))
		}
		must(t, os.RemoveAll(args[0]))
	}
	t.Logf("alone again: %.0f reports/s", rate(func() { time.Sleep(5 * time.Second) }))
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
