package httpd_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/httpd"
)

// outsideSource is a source outside this process that follows its kills, and reports.
type outsideSource struct {
	t     *testing.T
	base  string
	kills <-chan sentEvent
	leave func()
}

// newOutsideSource returns a source that follows, and has reported nothing.
func newOutsideSource(t *testing.T, base string) *outsideSource {
	t.Helper()
	o := &outsideSource{t: t, base: base}
	o.follow()
	o.place()
	return o
}

func (o *outsideSource) follow(extra ...string) {
	o.t.Helper()
	o.kills, o.leave = listen(o.t, o.base+"/events?source=edge-1&kind=kill_requested&follow=true", extra...)
}

// report reports events, and they are accepted. The lease outlasts every jump of a test's
// clock.
func (o *outsideSource) report(list ...string) {
	o.t.Helper()
	body := `{"source":"edge-1","incarnation":"a","lease":"24h","events":[` + strings.Join(list, ",") + `]}`
	got := post(o.t, client(o.t), o.base+"/events", "application/json", body)
	if got.status != http.StatusOK {
		o.t.Fatalf("report: got %d %s", got.status, got.body)
	}
}

// open opens sessions of a service.
func (o *outsideSource) open(service string, keys ...string) {
	o.t.Helper()
	var list []string
	for _, key := range keys {
		list = append(list, fmt.Sprintf(`{"kind":"session_opened","key":%q,"service":%q}`, key, service))
	}
	o.report(list...)
}

// nextKill returns the next kill of the feed. Its id, if it has one, is its sequence.
func (o *outsideSource) nextKill(session uint64, by, why string) sentEvent {
	o.t.Helper()
	e := next(o.t, o.kills)
	// The key is what the source knows the session by.
	want := regexp.MustCompile(fmt.Sprintf(`"kind":"kill_requested","session":%d,"key":"[^"]+","by":%q,"description":%q}$`, session, by, why))
	if !want.MatchString(e.data) || e.id != "" && !strings.HasPrefix(e.data, `{"sequence":`+e.sequence()+`,`) {
		o.t.Fatalf("got %+v, want a kill of session %d by %s: %s", e, session, by, why)
	}
	return e
}

// place returns the id of the event that marks where the feed begins, after the pending
// kills.
func (o *outsideSource) place() string {
	o.t.Helper()
	e := next(o.t, o.kills)
	if e.id == "" || e.data != "" {
		o.t.Fatalf("got %+v, want a place", e)
	}
	return e.id
}

func (o *outsideSource) close(key, reason string) {
	o.t.Helper()
	o.report(fmt.Sprintf(`{"kind":"session_closed","key":%q,"reason":%q}`, key, reason))
}

// later sends a request, and returns a channel for its answer.
func later(t *testing.T, method, url string) <-chan answer {
	t.Helper()
	c, come := client(t), make(chan answer, 1)
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check(t, err)
	go func() {
		defer close(come)
		w, err := c.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		w.Body.Close()
		come <- answer{status: w.StatusCode, header: w.Header}
	}()
	return come
}

// A reported session is ended by another client: its source gets the kill, closes the session,
// and the client is answered when that is recorded.
func TestKillOfReportedSession(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Minute})
	edge := newOutsideSource(t, base)
	edge.open("orders", "c-1", "c-2")
	killed := later(t, http.MethodDelete, base+"/sessions/1?reason=out")
	kill := edge.nextKill(1, "anonymous@127.0.0.1", "out")
	if kill.sequence() != strconv.FormatUint(registry.Moment().Sequence, 10) {
		t.Errorf("the kill has id %s, the log ends at %d", kill.id, registry.Moment().Sequence)
	}
	select {
	case got := <-killed:
		t.Fatalf("answered %+v before the session was closed", got)
	default:
	}
	edge.close("c-1", "killed")
	if got := <-killed; got.status != http.StatusNoContent {
		t.Errorf("got %+v", got)
	}
	want := `{"reason":"killed","status":"closed","by":"anonymous@127.0.0.1","description":"out"}` + "\n"
	if got := ask(t, client(t), "GET", base+"/sessions/1?fields=status,reason,by,description"); got.body != want {
		t.Errorf("the session is %s", got.body)
	}

	// The source is away while another kill is requested. It gets the kill when it comes back:
	// from the log when it names its place, otherwise as a pending one.
	edge.leave()
	late := later(t, http.MethodDelete, base+"/sessions/2?reason=late")
	waitUntil(t, "the kill is on the record", func() bool {
		v, _, err := registry.Session(2)
		return err == nil && v.Kill().Requested != 0
	})
	edge.follow("Last-Event-ID: " + kill.id)
	edge.place()
	if e := edge.nextKill(2, "anonymous@127.0.0.1", "late"); e.id == "" {
		t.Errorf("what follows a place has no id: %+v", e)
	}
	edge.leave()
	edge.follow()
	if e := edge.nextKill(2, "anonymous@127.0.0.1", "late"); e.id != "" {
		t.Errorf("what is pending has an id: %+v", e)
	}
	edge.place()
	edge.close("c-2", "killed")
	if got := <-late; got.status != http.StatusNoContent {
		t.Errorf("got %+v", got)
	}
	// A session that has ended has no pending kill.
	edge.leave()
	edge.follow()
	edge.place()
}

// Pending kills come first when a feed selects the kills of a source, and only then.
func TestPendingKillsComeFirst(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: 1})
	edge := newOutsideSource(t, base)
	edge.open("orders", "c-1", "c-2")
	edge.leave()
	for _, id := range []string{"1", "2"} {
		if got := ask(t, client(t), http.MethodDelete, base+"/sessions/"+id+"?reason=out"); got.status != http.StatusAccepted {
			t.Fatalf("DELETE: got %+v", got)
		}
	}
	for query, pending := range map[string][]uint64{
		"source=edge-1&kind=kill_requested,kill_withdrawn":      {1, 2},
		"source=edge-1&kind=session_opened&kind=kill_requested": {1, 2},
		"source=edge-1":                                            {1, 2},
		"source=edge-1&source=Edge%201":                            {1, 2},
		"source=edge-1&session=2":                                  {2},
		"source=edge-1&kind=kill_withdrawn":                        nil,
		"source=edge-2&kind=kill_requested":                        nil,
		"kind=kill_requested":                                      nil,
		"source=edge-1&kind=kill_requested,kill_withdrawn&after=1": nil,
	} {
		edge.kills, edge.leave = listen(t, base+"/events?follow=true&"+query)
		if strings.Contains(query, "after=") {
			if place := edge.place(); sequenceOf(place) != "1" {
				t.Errorf("%s: it begins at %s", query, place)
			}
		} else {
			for _, id := range pending {
				if e := edge.nextKill(id, "anonymous@127.0.0.1", "out"); e.id != "" {
					t.Errorf("%s: what is pending has an id: %+v", query, e)
				}
			}
			edge.place()
		}
		edge.leave()
	}
}

// A scheduled kill can be moved and withdrawn, and is requested when it is due.
func TestKillLater(t *testing.T) {
	t.Parallel()
	clock := newClock()
	registry := openBook(t, clock)
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Minute})
	edge := newOutsideSource(t, base)
	edge.open("orders", "c-1", "c-2")
	asker := client(t)
	do := func(target string, status int) {
		t.Helper()
		if got := ask(t, asker, http.MethodDelete, base+target); got.status != status {
			t.Fatalf("DELETE %s: got %d %s, want %d", target, got.status, got.body, status)
		}
	}
	do("/sessions/1?ttl=60s&reason=first", http.StatusAccepted)
	do("/sessions/2?ttl=90", http.StatusAccepted)
	do("/sessions/1?ttl=2m&reason=moved", http.StatusAccepted)
	do("/sessions/2?cancel=true", http.StatusNoContent)
	do("/sessions/2?cancel=true", http.StatusConflict)
	for _, id := range []uint64{1, 2} {
		if v, _, err := registry.Session(id); err != nil || v.Kill().Requested != 0 {
			t.Errorf("session %d is to end at once: %+v, %v", id, v.Kill(), err)
		}
	}
	clock.advance(2*time.Minute - time.Microsecond)
	do("/sessions/2?ttl=1h", http.StatusAccepted) // has the clock look
	clock.advance(time.Microsecond)
	edge.nextKill(1, "anonymous@127.0.0.1", "moved")
	do("/sessions/1?cancel=true", http.StatusConflict) // its time has come
	edge.close("c-1", "killed")
	do("/sessions/1?ttl=5s", http.StatusConflict)
	killed := later(t, http.MethodDelete, base+"/sessions/2?reason=now")
	edge.nextKill(2, "anonymous@127.0.0.1", "now")
	edge.close("c-2", "killed")
	if got := <-killed; got.status != http.StatusNoContent {
		t.Errorf("got %+v", got)
	}
	var kinds []string
	for r, err := range registry.Events(0, gatebook.EventFilter{Sessions: []uint64{1}}) {
		check(t, err)
		kinds = append(kinds, r.Event.Kind().String())
	}
	if got := strings.Join(kinds, " "); got != "session_opened kill_scheduled kill_scheduled kill_requested session_closed" {
		t.Errorf("the trail is %s", got)
	}
}

// waitUntil blocks until a condition holds, and fails when that takes too long.
func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(30 * time.Second); !holds(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("%s: not in time", what)
		}
	}
}
