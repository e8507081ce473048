package httpd_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/storage"
)

// TestTagsOfRestoredLog restores a log whose clients have answers of the lost future, with the
// same sequences as those that come instead: no tag and no date of theirs is taken for the present
// state, and those from before the backup still are.
func TestTagsOfRestoredLog(t *testing.T) {
	t.Parallel()
	c := newClock()
	folder, dir := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{Now: c.Now})
	check(t, err)
	source := startSource(t, registry, "gateway")
	closed, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
	check(t, err)
	_, err = source.End(t.Context(), closed, events.SessionClosed{Reason: events.ReasonClientClosed})
	check(t, err)
	live, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.2", Port: 2})
	check(t, err)
	backUpTo(t, registry, dir)
	c.advance(time.Minute)
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	path := func(id uint64) string { return "/sessions/" + strconv.FormatUint(id, 10) }
	before := ask(t, asker, "GET", base+path(closed))
	var tags, dates []string
	for n := range 6 { // the versions of the lost future
		check(t, source.Record(t.Context(), live, &events.SessionReady{User: "jdoe " + strconv.Itoa(n)}))
		got := ask(t, asker, "GET", base+path(live))
		tags, dates = append(tags, got.header.Get("Etag")), append(dates, got.header.Get("Last-Modified"))
		c.advance(time.Minute)
	}
	check(t, registry.Close())

	target := filepath.Join(t.TempDir(), "restored")
	c.advance(-5 * time.Minute) // the clock of the other machine
	_, err = gatebook.Restore(t.Context(), dir, target, gatebook.RestoreOptions{NextSession: 1000, Options: gatebook.Options{Now: c.Now}})
	check(t, err)
	registry, err = gatebook.Open(t.Context(), target, gatebook.Options{Now: c.Now})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	base = "http://" + serve(t, httpd.Config{Registry: registry})
	now := ask(t, asker, "GET", base+path(live))
	version, _, marked := strings.Cut(strings.Trim(now.header.Get("Etag"), `"`), "-")
	if !strings.Contains(strings.Join(tags, " "), `"`+version+`"`) {
		t.Fatalf("the session is of version %s, the tags of the lost future are %v: the test shows nothing", now.header.Get("Etag"), tags)
	}
	if !marked {
		t.Errorf("the tag is %s", now.header.Get("Etag"))
	}
	for i := range tags {
		if got := ask(t, asker, "GET", base+path(live), "If-None-Match: "+tags[i]); got.status != http.StatusOK {
			t.Errorf("with the tag %s of the lost future the answer is %d", tags[i], got.status)
		}
	}
	for _, date := range dates[:2] { // later ones are after the clock
		if got := ask(t, asker, "GET", base+path(live), "If-Modified-Since: "+date); got.status != http.StatusOK {
			t.Errorf("with the date %s of the lost future the answer is %d", date, got.status)
		}
	}
	if got := ask(t, asker, "GET", base+path(live), "If-None-Match: "+now.header.Get("Etag")); got.status != http.StatusNotModified {
		t.Errorf("with its own tag the answer is %d", got.status)
	}
	if got := ask(t, asker, "GET", base+path(closed), "If-None-Match: "+before.header.Get("Etag")); got.status != http.StatusNotModified {
		t.Errorf("with the tag from before the backup the answer is %d", got.status)
	}
	for tag, want := range map[string]int{now.header.Get("Etag"): http.StatusOK, `"` + version + `"`: http.StatusOK, `"` + version + `-00000000"`: http.StatusPreconditionFailed} {
		if got := ask(t, asker, "GET", base+path(live), "If-Match: "+tag); got.status != want {
			t.Errorf("If-Match %s: the answer is %d, want %d", tag, got.status, want)
		}
	}
}

// backUpTo backs a registry up into a folder.
func backUpTo(t *testing.T, registry *gatebook.Registry, dir string) {
	t.Helper()
	b, err := storage.OpenBackup(t.Context(), dir, "", nil)
	check(t, err)
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := registry.Backup(t.Context(), writer, gatebook.BackupOptions{From: 1})
		sent <- errors.Join(err, writer.CloseWithError(err))
	}()
	_, err = b.Receive(reader)
	check(t, errors.Join(err, reader.Close(), <-sent, b.Close()))
}
