package httpd_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// A follower that comes back with the id of an event of another log is refused, and so is one
// with the id of an event that came after the copy from which the log was restored. A bare
// sequence is taken.
func TestPlaceOfAnotherHistory(t *testing.T) {
	t.Parallel()
	c := newClock()
	open := func(folder string) (*gatebook.Registry, string) {
		registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{Now: c.Now})
		check(t, err)
		t.Cleanup(func() { check(t, registry.Close()) })
		return registry, "http://" + serve(t, httpd.Config{Registry: registry})
	}
	record := func(r *gatebook.Registry, sessions int) {
		s := startSource(t, r, "edge-1")
		for range sessions {
			_, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"})
			check(t, err)
		}
		check(t, s.Stop(t.Context()))
	}
	// ids returns the ids of the first n records.
	ids := func(base string, n int) (all []string) {
		sent, stop := listen(t, fmt.Sprintf("%s/events?follow=true&after=0&limit=%d", base, n))
		defer stop()
		for e := range sent {
			if e.id != "" {
				all = append(all, e.id)
			}
		}
		return all // the place before the first, and the records
	}
	folder, copied := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "copy")
	first, err := gatebook.Open(t.Context(), folder, gatebook.Options{Now: c.Now})
	check(t, err)
	record(first, 2)
	check(t, first.Close())
	check(t, os.CopyFS(copied, os.DirFS(folder)))
	common := int(first.Moment().Sequence)

	registry, base := open(folder)
	record(registry, 3)
	c.advance(time.Second)
	restored, there := open(copied)
	record(restored, 3)
	other, elsewhere := open(filepath.Join(t.TempDir(), "other"))
	record(other, 6)

	all := ids(base, common+2)
	if len(all) != common+3 || all[0] != ids(there, 1)[0] {
		t.Fatalf("ids are %q", all)
	}
	follow := func(base, id string) answer {
		got := ask(t, client(t), http.MethodHead, base+"/events?follow=true", "Last-Event-ID: "+id)
		if by := ask(t, client(t), http.MethodHead, base+"/events?follow=true&after="+id); by.status != got.status {
			t.Errorf("after=%s: got %d, as Last-Event-ID %d", id, by.status, got.status)
		}
		return got
	}
	for i, id := range all {
		bare, _, _ := strings.Cut(id, "-")
		wants := map[string]int{base: 200, there: 200, elsewhere: 400}
		if i > common {
			wants[there] = 400
		}
		for at, want := range wants {
			if got := follow(at, id); got.status != want {
				t.Errorf("%s: got %d, want %d", id, got.status, want)
			}
			if got := follow(at, bare); got.status != 200 {
				t.Errorf("%s: got %d", bare, got.status)
			}
		}
	}
	got := ask(t, client(t), http.MethodGet, elsewhere+"/events?limit=1&after="+all[2])
	if got.status != 400 || !strings.Contains(got.body, "after="+all[2]+" is a place in another log, or in this one before it was restored") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := ask(t, client(t), http.MethodGet, base+"/sessions?after="+all[2]); got.status != 400 || !strings.Contains(got.body, "in a list it is the id of a session") {
		t.Errorf("a list of sessions: got %d %s", got.status, got.body)
	}
}
