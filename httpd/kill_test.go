package httpd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// TestKillLeavesWork checks that the answer says what a server still does for the session.
func TestKillLeavesWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ description, want, recorded string }{
		"something":                   {gatebook.LeftRunning("DB 1", 4711), "db-1 4711", "out; DB 1 may still run a statement of its connection 4711"},
		"nothing":                     {"", "", "out"},
		"a reason that looks like it": {"x " + gatebook.LeftRunning("DB 1", 4712), "", "out; x DB 1 may still run a statement of its connection 4712"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := openBook(t, newClock())
			source := startSource(t, registry, "edge-1")
			id := open(t, source, events.SessionOpened{Service: "orders"})
			check(t, source.Record(t.Context(), id, &events.ConnectionOpened{Connection: 1, Server: "DB 1", ServerID: 4711}))
			var acting sync.WaitGroup
			acting.Go(func() {
				if _, err := source.Kills(context.Background()); err != nil {
					t.Error(err)
				}
				if err := source.Record(context.Background(), id, &events.SessionClosed{Reason: events.ReasonKilled, Description: c.description}); err != nil {
					t.Error(err)
				}
			})
			base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Minute})
			got := ask(t, client(t), "DELETE", base+fmt.Sprintf("/sessions/%d?reason=out", id))
			acting.Wait()
			if got.status != http.StatusNoContent || got.header.Get("Gatebook-Left-Running") != c.want {
				t.Errorf("got %d, %q", got.status, got.header.Get("Gatebook-Left-Running"))
			}
			shown := ask(t, client(t), "GET", base+fmt.Sprintf("/sessions/%d?fields=description", id))
			if want := fmt.Sprintf(`{"description":%q}`, c.recorded) + "\n"; shown.body != want {
				t.Errorf("shown is %s", shown.body)
			}
		})
	}
}

func TestKillIsConfirmed(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	source := startSource(t, registry, "edge-1")
	id := open(t, source, events.SessionOpened{Service: "orders"})
	var acting sync.WaitGroup
	acting.Go(func() {
		kills, err := source.Kills(context.Background())
		if err != nil || len(kills) != 1 || kills[0] != id {
			t.Errorf("got kills of %v, %v", kills, err)
			return
		}
		if err := source.Record(context.Background(), id, &events.SessionClosed{Reason: events.ReasonKilled}); err != nil {
			t.Error(err)
		}
	})
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Minute})
	got := ask(t, client(t), "DELETE", base+fmt.Sprintf("/sessions/%d?reason=out", id))
	acting.Wait()
	if got.status != http.StatusNoContent || got.body != "" || got.header.Get("Allow") != killable {
		t.Errorf("got %+v", got)
	}
	if want := fmt.Sprint(registry.Moment().Sequence); got.header.Get("Gatebook-Sequence") != want {
		t.Errorf("the answer is of %s, not of %s", got.header.Get("Gatebook-Sequence"), want)
	}
	again := ask(t, client(t), "DELETE", base+fmt.Sprintf("/sessions/%d", id))
	want := refused("Session has ended", `Session 1 was closed at 2016-08-31 03:03:12 UTC with reason killed by anonymous@127.0.0.1: out.`) + "\n"
	if again.status != http.StatusConflict || again.body != want {
		t.Errorf("got %+v", again)
	}
}

func TestKillIsNotConfirmed(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	id := open(t, startSource(t, registry, "edge-1"), events.SessionOpened{Service: "orders", Address: "192.0.2.1"})
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Millisecond})
	for range 2 {
		got := ask(t, client(t), "DELETE", base+fmt.Sprintf("/sessions/%d", id))
		want := `{"id":1,"state":"Stopping session","user":"","address":"192.0.2.1","service":"/services/orders","connected":"Wed Aug 31 03:03:12 2016","idle":0}` + "\n"
		if got.status != http.StatusAccepted || got.body != want {
			t.Errorf("got %+v", got)
		}
	}
	v, _, err := registry.Session(id)
	check(t, err)
	if kill := v.Kill(); kill.By != "anonymous@127.0.0.1" || kill.Requested == 0 {
		t.Errorf("the record says %+v", kill)
	}
}

// TestManyClients has many clients connect, ask, kill each other and leave, and checks that
// nothing is left of them.
func TestManyClients(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	server, address := serveThat(t, httpd.Config{Registry: registry, Source: startSource(t, registry, "gatebook"), RecordAdmin: true})
	const clients, rounds = 16, 12
	var crowd sync.WaitGroup
	for i := range clients {
		crowd.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			for range rounds {
				transport := &http.Transport{}
				c := http.Client{Transport: transport}
				for range random.IntN(4) {
					method, target := "GET", "/sessions?status=all&range=0-9"
					if random.IntN(3) == 0 {
						method, target = "DELETE", fmt.Sprintf("/sessions/%d", 1+random.IntN(clients*rounds/2))
					}
					r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+target, nil)
					if err != nil {
						t.Error(err)
						return
					}
					w, err := c.Do(r)
					if err != nil {
						break // it was killed
					}
					if w.StatusCode == http.StatusInternalServerError {
						t.Errorf("%s %s: %s", method, target, w.Status)
					}
					w.Body.Close()
				}
				transport.CloseIdleConnections()
			}
		})
	}
	crowd.Wait()
	check(t, server.Shutdown(t.Context()))
	m := registry.Moment()
	if m.Live != 0 || m.Closed == 0 {
		t.Errorf("%d sessions are live, %d closed", m.Live, m.Closed)
	}
	service, _, _ := registry.Service("gatebook")
	if service.Current != 0 || service.Total != m.Closed {
		t.Errorf("the service counts %d of %d", service.Current, service.Total)
	}
	all, err := registry.Sessions(gatebook.Query{Closed: true})
	check(t, err)
	reasons := map[events.Reason]int{}
	for v, err := range all.All() {
		check(t, err)
		reasons[v.Ending().Reason]++
		if v.Counters().Reads == 0 {
			t.Errorf("session %d asked for nothing", v.ID)
		}
	}
	t.Log(reasons)
}
