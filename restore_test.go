package gatebook_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// backUp backs a registry up into a folder.
func backUp(t *testing.T, registry *gatebook.Registry, dir string) {
	t.Helper()
	target, err := storage.OpenBackup(t.Context(), dir, "", nil)
	ok(t, err)
	from, seal := target.Have()
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := registry.Backup(t.Context(), writer, gatebook.BackupOptions{From: from, Seal: seal})
		sent <- errors.Join(err, writer.CloseWithError(err))
	}()
	_, err = target.Receive(reader)
	ok(t, errors.Join(err, reader.Close()), <-sent, target.Close())
}

func ok(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestore restores a backup whose log went on, elsewhere: what was in the backup is there, all
// that lived is lost, also of a source outside, no id comes again, and the restore is on the record.
func TestRestore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	folder := filepath.Join(t.TempDir(), "data")
	registry, err := gatebook.Open(ctx, folder, gatebook.Options{SegmentBytes: 64 << 10})
	ok(t, err)
	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "gateway"})
	ok(t, err)
	open := func() uint64 {
		t.Helper()
		id, err := source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
		ok(t, err)
		return id
	}
	for range 300 {
		_, err := source.End(ctx, open(), events.SessionClosed{Reason: events.ReasonClientClosed, Description: strings.Repeat("x", 200)})
		ok(t, err)
	}
	live := open()
	report := gatebook.Report{
		Source: "edge", Incarnation: "a", Lease: time.Hour,
		Events: []gatebook.Reported{{Key: "k", Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.2", Port: 2}}},
	}
	_, err = registry.Report(ctx, report)
	ok(t, err)
	dir := filepath.Join(t.TempDir(), "backup")
	backUp(t, registry, dir)
	before := registry.Moment()
	// The log goes on, and is lost in a fire.
	lost := open()
	ok(t, registry.Close(), os.RemoveAll(folder))
	target := filepath.Join(t.TempDir(), "restored")
	now := time.Now().Add(24 * time.Hour)
	options := gatebook.Options{Now: func() time.Time { return now }}
	restored, err := gatebook.Restore(ctx, dir, target, gatebook.RestoreOptions{By: "unix:ann", Options: options})
	ok(t, err)
	if restored.Records != before.Sequence || restored.Lost != 2 || restored.NextSession < 24*3600*1_000_000 || restored.NextSession <= lost {
		t.Errorf("restored: %+v of %+v", restored, before)
	}
	registry, err = gatebook.Open(ctx, target, options)
	ok(t, err)
	defer func() { ok(t, registry.Close()) }()
	if info := registry.OpenInfo(); info.Rebuilt != nil || info.Lost != 0 {
		t.Errorf("it was opened once, and again: %+v", info)
	}
	m := registry.Moment()
	if m.Live != 0 || m.Closed != before.Closed || m.Lost != before.Lost+2 {
		t.Errorf("before %+v, after %+v", before, m)
	}
	for _, id := range []uint64{live, live + 1} {
		v, _, err := registry.Session(id)
		ok(t, err)
		if v.Status != projection.Lost || v.Ending().LastSeen == 0 {
			t.Errorf("session %d is %+v", id, v.Session)
		}
	}
	if _, _, err := registry.Session(lost); !errors.Is(err, gatebook.ErrNotFound) {
		t.Errorf("the session after the backup: %v", err)
	}
	feed := registry.Feed(before.Sequence, gatebook.EventFilter{})
	page, err := feed.Next(before.Sequence + 1)
	ok(t, err)
	e, isRestored := page[0].Event.(*events.LogRestored)
	if !isRestored || e.Records != before.Sequence || len(e.Root) != 64 || e.Taken == 0 || e.NextSession != restored.NextSession || e.By != "unix:ann" {
		t.Errorf("on the record is %+v", page[0].Event)
	}
	source, err = registry.StartSource(ctx, gatebook.SourceOptions{Name: "gateway"})
	ok(t, err)
	if id := open(); id != restored.NextSession {
		t.Errorf("the next session is %d, want %d", id, restored.NextSession)
	}
	// The source outside has the session still: it comes back under its id.
	report.Events = append(report.Events, gatebook.Reported{Key: "k", Event: &events.SessionReady{User: "jdoe"}})
	_, err = registry.Report(ctx, report)
	ok(t, err)
	v, _, err := registry.Session(live + 1)
	ok(t, err)
	if v.Status != projection.Live || v.Login().User != "jdoe" {
		t.Errorf("the source has reported it, and it is %+v", v.Session)
	}
}

// TestRestoreRefuses restores what cannot be, and into what it cannot.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	folder := filepath.Join(t.TempDir(), "data")
	registry, err := gatebook.Open(ctx, folder, gatebook.Options{})
	ok(t, err)
	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "gateway"})
	ok(t, err)
	id, err := source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.211", Port: 1})
	ok(t, err)
	dir := filepath.Join(t.TempDir(), "backup")
	backUp(t, registry, dir)
	ok(t, registry.Close())
	refuse := func(what, text, from, into string, o gatebook.RestoreOptions) {
		t.Helper()
		if _, err := gatebook.Restore(ctx, from, into, o); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v, want %q", what, err, text)
		}
	}
	none := func() string { return filepath.Join(t.TempDir(), "restored") }
	refuse("a data folder", "is no backup", folder, none(), gatebook.RestoreOptions{})
	refuse("no folder", "is no backup", none(), none(), gatebook.RestoreOptions{})
	refuse("a target in use", "is not empty", dir, folder, gatebook.RestoreOptions{})
	untouched := none()
	refuse("an id that leaves no room", "the largest that is allowed is 280375465082880", dir, untouched, gatebook.RestoreOptions{NextSession: 1<<48 - 1<<40 + 1})
	refuse("ids that were given", "cannot be 1", dir, untouched, gatebook.RestoreOptions{NextSession: id})
	if _, err := os.Stat(untouched); err == nil {
		t.Error("it was refused, and the folder was made")
	}
	target := none()
	stopped := errors.New("stopped")
	refuse("broken off", "stopped", dir, target, gatebook.RestoreOptions{Pace: func(int64, int64) error { return stopped }})
	if _, err := gatebook.Open(ctx, target, gatebook.Options{}); err == nil || !strings.Contains(err.Error(), "gatebook restore into") {
		t.Errorf("it was broken off, and opening says %v", err)
	}
	restored, err := gatebook.Restore(ctx, dir, target, gatebook.RestoreOptions{NextSession: 5000})
	ok(t, err)
	if restored.NextSession != 5000 {
		t.Errorf("the next session is %d", restored.NextSession)
	}
	path := filepath.Join(dir, "log", "00000000000000000001.db")
	b, err := os.ReadFile(path)
	ok(t, err)
	ok(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(b), "192.0.2.211", "192.0.2.212")), 0o600))
	refuse("a damaged backup", "damaged", dir, none(), gatebook.RestoreOptions{})
	ctx, stop := context.WithCancel(ctx)
	stop()
	if _, err := gatebook.Restore(ctx, dir, none(), gatebook.RestoreOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ctx has ended: %v", err)
	}
}

// TestNextAfterRestore checks the rule for ids.
func TestNextAfterRestore(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		last  uint64
		since time.Duration
		want  uint64
	}{
		{0, 0, 1_001_000},
		{7, -time.Hour, 1_001_000},
		{999_999, 0, 2_000_000},
		{1_000_000, 0, 2_001_000},
		{7, 9 * time.Second, 10_001_000},
		{7, 24 * time.Hour, 86_401_001_000},
		{123_456_789, time.Second, 125_457_000},
	} {
		if got := gatebook.NextAfterRestore(c.last, then, then.Add(c.since)); got != c.want {
			t.Errorf("after %d and %s: %d, want %d", c.last, c.since, got, c.want)
		}
	}
	// A backup of many years leaves room to go on, also when it is the last of several.
	const most = 1<<48 - 1<<40
	for _, years := range []time.Duration{5, 9, 20, 100} {
		last := uint64(0)
		for range 2 {
			next := gatebook.NextAfterRestore(last, then, then.Add(years*365*24*time.Hour))
			if next <= last || next > most {
				t.Errorf("after %d and %d years: %d", last, years, next)
			}
			last = next
		}
	}
	// A backup is restored twice. The ids of the second do not meet those that the first gives
	// meanwhile.
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.Uint64Range(0, 1<<40).Draw(t, "last")
		first := time.Duration(rapid.Int64Range(0, int64(4*365*24*time.Hour)).Draw(t, "first"))
		between := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(1000*time.Hour)).Draw(t, "between"))
		given := uint64(between/time.Second) * 500_000
		a := gatebook.NextAfterRestore(last, then, then.Add(first))
		if b := gatebook.NextAfterRestore(last, then, then.Add(first+between)); b < a+max(1, given) {
			t.Fatalf("the first goes on with %d, and the second after %s with %d", a, between, b)
		}
	})
}

// TestRestoreOfNothing restores a backup of a log without records.
func TestRestoreOfNothing(t *testing.T) {
	t.Parallel()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	ok(t, err)
	dir := filepath.Join(t.TempDir(), "backup")
	backUp(t, registry, dir)
	ok(t, registry.Close())
	// A log that was opened and closed has a head and a key, and does not say so yet.
	data := filepath.Join(t.TempDir(), "data")
	registry, err = gatebook.Open(t.Context(), data, gatebook.Options{})
	ok(t, err, registry.Close())
	second := filepath.Join(t.TempDir(), "backup")
	registry, err = gatebook.Open(t.Context(), data, gatebook.Options{})
	ok(t, err)
	backUp(t, registry, second)
	ok(t, registry.Close())
	_, err = gatebook.Restore(t.Context(), second, filepath.Join(t.TempDir(), "restored"), gatebook.RestoreOptions{})
	ok(t, err)
	restored, err := gatebook.Restore(t.Context(), dir, filepath.Join(t.TempDir(), "restored"), gatebook.RestoreOptions{})
	ok(t, err)
	if restored.Records != 0 || restored.NextSession <= 1_000_000 || restored.NextSession > 100_000_000 {
		t.Errorf("restored: %+v", restored)
	}
}
