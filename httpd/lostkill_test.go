package httpd_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/httpd"
)

// silentSource is a registry with two sessions of a source that reports no more, and a way to
// have its lease run out.
func silentSource(t *testing.T, wait time.Duration) (r *gatebook.Registry, base string, lose func()) {
	t.Helper()
	c := newClock()
	r = openBook(t, c)
	base = "http://" + serve(t, httpd.Config{Registry: r, KillWait: wait})
	report(t, base, "a", `{"kind":"session_opened","key":"c-1","service":"orders"}`,
		`{"kind":"connection_opened","key":"c-1","connection":1,"server":"db-1"}`, `{"kind":"session_opened","key":"c-2","service":"orders"}`)
	return r, base, func() {
		t.Helper()
		c.advance(time.Minute)
		waitUntil(t, "the sessions are lost", func() bool { return r.Moment().Lost == 2 })
	}
}

// report reports events of an incarnation of edge-1, and they are accepted.
func report(t *testing.T, base, incarnation string, list ...string) {
	t.Helper()
	body := `{"source":"edge-1","incarnation":"` + incarnation + `","lease":"2s","events":[` + strings.Join(list, ",") + `]}`
	if got := post(t, client(t), base+"/events", "application/json", body); got.status != http.StatusOK {
		t.Fatalf("report: got %d %s", got.status, got.body)
	}
}

// requested blocks until the end of a session is requested.
func requested(t *testing.T, r *gatebook.Registry, id uint64) {
	t.Helper()
	waitUntil(t, "the kill is on the record", func() bool {
		v, _, err := r.Session(id)
		return err == nil && v.Kill().Requested != 0
	})
}

// A session that is lost while its end is waited for is not closed: nobody has seen its end.
// It is ended when it comes back with its source.
func TestKillOfLostSession(t *testing.T) {
	t.Parallel()
	registry, base, lose := silentSource(t, time.Minute)
	while := later(t, http.MethodDelete, base+"/sessions/1?reason=while")
	requested(t, registry, 1)
	lose()
	if got := <-while; got.status != http.StatusAccepted {
		t.Errorf("lost while its end is waited for: got %+v", got)
	}
	got := ask(t, client(t), http.MethodDelete, base+"/sessions/2?reason=lost")
	if got.status != http.StatusAccepted || !strings.Contains(got.body, `"id":2,"state":"Session lost"`) || !strings.Contains(got.body, `"reason":"source_lost"`) {
		t.Errorf("lost before: got %+v", got)
	}
	if again := ask(t, client(t), http.MethodDelete, base+"/sessions/2"); again.status != http.StatusAccepted {
		t.Errorf("again: got %+v", again)
	}
	if shown := ask(t, client(t), "GET", base+"/sessions/2?fields=lost_at").body; shown != `{"lost_at":"2016-08-31T03:04:12.000000Z"}`+"\n" {
		t.Errorf("the kill changed when it was lost: %s", shown)
	}
	edge := &outsideSource{t: t, base: base}
	edge.follow() // it is told before it reports again
	edge.nextKill(1, "anonymous@127.0.0.1", "while")
	edge.nextKill(2, "anonymous@127.0.0.1", "lost")
	edge.place()
	report(t, base, "a")
	if shown := ask(t, client(t), "GET", base+"/sessions?fields=id,state").body; shown != array(`{"id":1,"state":"Stopping session"}`, `{"id":2,"state":"Stopping session"}`)+"\n" {
		t.Errorf("they come back as %s", shown)
	}
	closing := later(t, http.MethodDelete, base+"/sessions/1")
	report(t, base, "a", `{"kind":"session_closed","key":"c-1","reason":"killed"}`)
	if got := <-closing; got.status != http.StatusNoContent && got.status != http.StatusConflict {
		t.Errorf("closed: got %+v", got)
	}
}

// A new incarnation ends the sessions of the one before as lost, not as closed.
func TestKillBesideNewIncarnation(t *testing.T) {
	t.Parallel()
	registry, base, _ := silentSource(t, time.Minute)
	while := later(t, http.MethodDelete, base+"/sessions/1")
	requested(t, registry, 1)
	report(t, base, "b")
	if got := <-while; got.status != http.StatusAccepted {
		t.Errorf("lost to a new incarnation: got %+v", got)
	}
	// They cannot come back.
	if got := ask(t, client(t), http.MethodDelete, base+"/sessions/2"); got.status != http.StatusConflict {
		t.Errorf("afterwards: got %+v", got)
	}
}

// The end of all sessions of a service counts a lost one as pending.
func TestKillOfServiceCountsLost(t *testing.T) {
	t.Parallel()
	registry, base, lose := silentSource(t, time.Minute)
	come := make(chan string)
	go func() {
		defer close(come)
		come <- ask(t, client(t), http.MethodDelete, base+"/services/orders/sessions").body
	}()
	requested(t, registry, 2)
	lose()
	if got := <-come; got != `{"closed":0,"pending":2,"left_running":[]}`+"\n" {
		t.Errorf("got %s", got)
	}
}
