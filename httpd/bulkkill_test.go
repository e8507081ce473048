package httpd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// All clients of the API are closed but the one that requests it, which can count them
// before.
func TestKillOfService(t *testing.T) {
	t.Parallel()
	d := newHarness(t, func(c *httpd.Config) { c.KillWait = time.Minute })
	const others = 3
	var crowd []*raw
	for range others {
		c := d.dial()
		c.ask("GET", "/services")
		crowd = append(crowd, c)
	}
	own := d.dial()
	own.ask("GET", "/services")
	head := d.registry.Moment().Sequence
	want := fmt.Sprintf(`{"closed":0,"pending":%d,"left_running":[]}`, others) + "\n"
	if got := own.ask("DELETE", "/services/gatebook/sessions?dry_run=true"); got.status != http.StatusOK || got.body != want {
		t.Errorf("to try: got %d %s", got.status, got.body)
	}
	if after := d.registry.Moment(); after.Sequence != head || after.Live != others+1 {
		t.Errorf("trying left %d records more, and %d live", after.Sequence-head, after.Live)
	}
	want = fmt.Sprintf(`{"closed":%d,"pending":0,"left_running":[]}`, others) + "\n"
	if got := own.ask("DELETE", "/services/gatebook/sessions?reason=deploy"); got.status != http.StatusOK || got.body != want || got.header.Get("Connection") != "" {
		t.Errorf("got %d %s, %v", got.status, got.body, got.header)
	}
	for _, c := range crowd {
		c.gone()
	}
	ended := decode[[]shown](t, own.ask("GET", "/sessions?status=closed&fields=*").body)
	if len(ended) != others {
		t.Errorf("%d sessions have ended", len(ended))
	}
	for _, s := range ended {
		if *s.Reason != "killed" || *s.By != "anonymous@127.0.0.1" || *s.Description != "deploy" {
			t.Errorf("session %d ended by %s with %s: %s", s.ID, *s.By, *s.Reason, *s.Description)
		}
	}
	if live := decode[[]shown](t, own.ask("GET", "/sessions?fields=*").body); len(live) != 1 || live[0].ID != others+1 {
		t.Errorf("there live %+v", live)
	}
}

// The answer has the number of the sessions that were not closed in time.
func TestKillOfServiceIsPending(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	source := startSource(t, registry, "edge-1")
	first := open(t, source, events.SessionOpened{Service: "orders"})
	open(t, source, events.SessionOpened{Service: "orders"})
	open(t, source, events.SessionOpened{Service: "stock"})
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Millisecond})
	asker := client(t)
	if got := ask(t, asker, "DELETE", base+"/services/orders/sessions"); got.body != `{"closed":0,"pending":2,"left_running":[]}`+"\n" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	check(t, source.Record(t.Context(), first, &events.SessionClosed{Reason: events.ReasonKilled}))
	if got := ask(t, asker, "DELETE", base+"/services/orders/sessions"); got.body != `{"closed":0,"pending":1,"left_running":[]}`+"\n" {
		t.Errorf("again: got %d %s", got.status, got.body)
	}
	asked := 0
	for _, err := range registry.Events(0, gatebook.EventFilter{Kinds: []events.Kind{events.KindKillRequested}}) {
		check(t, err)
		asked++
	}
	if asked != 2 {
		t.Errorf("%d ends were asked for", asked)
	}
}

// closer reports the end of each session whose kill it is sent, as many at a time as a
// report takes. It ends with the feed that it follows.
func closer(t testing.TB, base string, kills <-chan sentEvent) {
	asker := client(t)
	for e := range kills {
		var list []string
		for more := true; more; {
			if e.data != "" {
				var kill struct{ Session uint64 }
				check(t, json.Unmarshal([]byte(e.data), &kill))
				list = append(list, fmt.Sprintf(`{"kind":"session_closed","key":"c-%d","reason":"killed"}`, kill.Session))
			}
			more = false
			if len(list) < 1000 {
				select {
				case e, more = <-kills:
				default:
				}
			}
		}
		if len(list) > 0 {
			post(t, asker, base+"/events", "application/json", reportOf(strings.Join(list, ",")))
		}
	}
}

// BenchmarkKillOfService ends 10,000 sessions of a service that a source reports which
// follows the feed: from the request to the answer that all of them are closed.
func BenchmarkKillOfService(b *testing.B) {
	const sessions = 10_000
	registry := openOnDisk(b)
	base := "http://" + serve(b, httpd.Config{Registry: registry, KillWait: time.Minute})
	kills, leave := listen(b, base+"/events?source=edge-1&kind=kill_requested&follow=true")
	done := make(chan struct{})
	go func() { defer close(done); closer(b, base, kills) }()
	asker, opened := client(b), 0
	for b.Loop() {
		b.StopTimer()
		for range sessions / 1000 {
			var list []string
			for range 1000 {
				opened++
				list = append(list, fmt.Sprintf(`{"kind":"session_opened","key":"c-%d","service":"orders"}`, opened))
			}
			if got := post(b, asker, base+"/events", "application/json", reportOf(strings.Join(list, ","))); got.status != http.StatusOK {
				b.Fatal(got.body)
			}
		}
		b.StartTimer()
		if got := ask(b, asker, "DELETE", base+"/services/orders/sessions"); got.body != fmt.Sprintf(`{"closed":%d,"pending":0,"left_running":[]}`, sessions)+"\n" {
			b.Fatal(got.body)
		}
	}
	leave()
	<-done
}

// TestKillOfServiceLeavesWork checks that the answer lists what servers still do for the sessions
// that were closed.
func TestKillOfServiceLeavesWork(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	source := startSource(t, registry, "edge-1")
	for i := range uint64(3) {
		id := open(t, source, events.SessionOpened{Service: "orders"})
		check(t, source.Record(t.Context(), id, &events.ConnectionOpened{Connection: 1, Server: "DB 1", ServerID: 4711 + i}))
	}
	var acting sync.WaitGroup
	acting.Go(func() {
		for closed := 0; closed < 3; {
			ids, err := source.Kills(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			for _, id := range ids {
				end := &events.SessionClosed{Reason: events.ReasonKilled}
				if id != 2 { // the server was told to give that up
					end.Description = gatebook.LeftRunning("DB 1", 4710+id)
				}
				if err := source.Record(context.Background(), id, end); err != nil {
					t.Error(err)
				}
				closed++
			}
		}
	})
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Minute})
	got := ask(t, client(t), "DELETE", base+"/services/orders/sessions?reason=out")
	acting.Wait()
	want := `{"closed":3,"pending":0,"left_running":[{"session":1,"server":"/servers/db-1","connection_id":4711},{"session":3,"server":"/servers/db-1","connection_id":4713}]}` + "\n"
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("got %d %s, want %s", got.status, got.body, want)
	}
}
