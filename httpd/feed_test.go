package httpd_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/httpd"
	"gatebook/httpd/reports"
)

// sentEvent is a server-sent event.
type sentEvent struct{ id, name, data string }

// sequence returns the sequence that the id names, "" without an id.
func (e *sentEvent) sequence() string { return sequenceOf(e.id) }

// sequenceOf returns the sequence that the id of an event names.
func sequenceOf(id string) string {
	sequence, _, _ := strings.Cut(id, "-")
	return sequence
}

// listen follows a feed; the channel is closed when it ends.
func listen(t testing.TB, url string, extra ...string) (<-chan sentEvent, func()) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	check(t, err)
	for _, line := range extra {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w, err := client(t).Do(r)
	check(t, err)
	if w.StatusCode != http.StatusOK || w.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %s, %v", w.Status, w.Header)
	}
	all := make(chan sentEvent, 1<<12)
	go func() {
		defer close(all)
		var e sentEvent
		for lines := bufio.NewScanner(w.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				all <- e
				e = sentEvent{}
			}
		}
	}()
	return all, func() { w.Body.Close() }
}

func next(t testing.TB, all <-chan sentEvent) sentEvent {
	t.Helper()
	select {
	case e, ok := <-all:
		if !ok {
			t.Fatal("the feed has ended")
		}
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("nothing comes")
	}
	return sentEvent{}
}

// TestEveryKindIsRendered renders an event of every kind with every field set, and one with
// none, and compares their members.
func TestEveryKindIsRendered(t *testing.T) {
	t.Parallel()
	for _, kind := range events.Kinds() {
		var members [2]string
		for i, e := range []events.Event{eventstest.Full(kind), events.New(kind)} {
			text := string(reports.AppendRecord(nil, &events.Record{Sequence: 7, Recorded: 1e15, Session: 3, Event: e}, func(uint64) string { return "c-3" }))
			d := json.NewDecoder(strings.NewReader(text))
			for depth := 0; d.More() || depth > 0; {
				token, err := d.Token()
				if err != nil {
					t.Fatalf("%s: %v in %s", kind, err, text)
				}
				switch delim, _ := token.(json.Delim); delim {
				case '{', '[':
					depth++
				case '}', ']':
					depth--
				}
			}
			var object map[string]json.RawMessage
			check(t, json.Unmarshal([]byte(text), &object))
			if i == 0 {
				for name, value := range object {
					if string(value) == "null" && name != "occurred" {
						t.Errorf("%s: %s is not rendered", kind, name)
					}
				}
			}
			members[i] = strconv.Itoa(len(object))
			if string(object["kind"]) != strconv.Quote(kind.String()) {
				t.Errorf("got %s", text)
			}
		}
		if members[0] != members[1] {
			t.Errorf("%s: has %s members with everything known, %s with nothing", kind, members[0], members[1])
		}
	}
}

func TestFeedGoldens(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry := fillBook(t, c)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	const at = `"2016-08-31T03:03:12.000000Z"`
	opened := `{"sequence":2,"time":` + at + `,"occurred":null,"kind":"session_opened","session":1,"type":"client","source":"edge-0","incarnation":"1","key":null,` +
		`"service":"old \"service\"/ü","listener":null,"protocol":null,"address":"2001:db8::1","port":null,"tls":null,"subject":null}`
	lost := `{"sequence":3,"time":` + at + `,"occurred":null,"kind":"session_lost","session":1,"cause":"registry_crashed","last_seen":` + at + `}`
	for _, c := range []struct{ target, accept, total, body string }{
		{"/sessions/1/events", "", "2", array(opened, lost) + "\n"},
		{"/sessions/1/events", "application/x-ndjson", "2", opened + "\n" + lost + "\n"},
		{"/sessions/1/events?range=1-1", "", "2", array(lost) + "\n"},
		{"/sessions/1/events?range=5-9", "", "2", "[]\n"},
		{"/events?session=1", "", "", array(opened, lost) + "\n"},
		{"/events?session=1&limit=1", "", "", array(opened) + "\n"},
		{"/events?session=1&after=2", "", "", array(lost) + "\n"},
		{"/events?source=EDGE-0&kind=session_lost,kill_requested", "", "", array(lost) + "\n"},
		{"/events?session=99", "", "", "[]\n"},
	} {
		var extra []string
		if c.accept != "" {
			extra = []string{"Accept: " + c.accept}
		}
		got := ask(t, client(t), "GET", base+c.target, extra...)
		if got.status != 200 || got.body != c.body || got.header.Get("X-Total-Count") != c.total {
			t.Errorf("%s: got %d, total %q\n%s\nwant\n%s", c.target, got.status, got.header.Get("X-Total-Count"), got.body, c.body)
		}
	}
	var all []json.RawMessage
	check(t, json.Unmarshal([]byte(ask(t, client(t), "GET", base+"/events").body), &all))
	if uint64(len(all)) != registry.Moment().Sequence {
		t.Errorf("%d of %d records", len(all), registry.Moment().Sequence)
	}
}

// TestFollowIsTheLog follows with a client that is cut off again and again while records are
// made, and gets each record once.
func TestFollowIsTheLog(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	source := startSource(t, registry, "edge-1")
	const sessions = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range sessions {
			id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders"})
			if err == nil {
				err = source.Record(t.Context(), id, &events.SessionReady{User: "jdoe"})
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	random := rand.New(rand.NewPCG(5, 6))
	last := "0"
	for want := 1; want <= 1+2*sessions; {
		all, stop := listen(t, base+"/events?follow=true", "Last-Event-ID: "+last)
		if e := next(t, all); e.sequence() != sequenceOf(last) || last != "0" && e.id != last || e.data != "" {
			t.Fatalf("it begins with %+v after %s", e, last)
		}
		for n := 1 + random.IntN(60); n > 0 && want <= 1+2*sessions; n-- {
			e := next(t, all)
			if e.sequence() != strconv.Itoa(want) || !strings.HasPrefix(e.data, `{"sequence":`+e.sequence()+`,`) {
				t.Fatalf("got %+v in place %d", e, want)
			}
			last = e.id
			want++
		}
		stop()
	}
	<-done
}

func TestFollowFromTheHead(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	source := startSource(t, registry, "edge-1")
	other := startSource(t, registry, "edge-2")
	id := open(t, source, events.SessionOpened{Service: "orders"})
	server, address := serveThat(t, httpd.Config{Registry: registry, KillWait: time.Millisecond})
	base := "http://" + address
	ask(t, client(t), "DELETE", base+"/sessions/1?reason=out")
	kills, _ := listen(t, base+"/events?source=edge-1&kind=kill_requested&follow=true")
	pending := next(t, kills)
	if pending.id != "" || !strings.Contains(pending.data, `"kind":"kill_requested","session":1,"key":null,"by":"anonymous@127.0.0.1","description":"out"}`) {
		t.Errorf("pending is %+v", pending)
	}
	if e := next(t, kills); e.sequence() != fmt.Sprint(registry.Moment().Sequence) || e.data != "" {
		t.Errorf("the place is %+v", e)
	}
	observed, _ := listen(t, base+"/events?source=edge-1&observations=true", "Accept: text/event-stream")
	if e := next(t, observed); e != pending {
		t.Errorf("a follower of all events of a source gets first %+v", e)
	}
	next(t, observed)
	source.Observe([]gatebook.Sample{{Session: id, Counters: events.Counters{Reads: 5}}})
	want := `{"session":1,"connection":0,"statistics":{"reads":5,"writes":0,"buffered_writes":0,"high_water_events":0,"low_water_events":0,"bytes_read":0,"bytes_written":0},"active":null}`
	if e := next(t, observed); e.id != "" || e.name != "observation" || e.data != want {
		t.Errorf("observed is %+v", e)
	}
	open(t, other, events.SessionOpened{Service: "orders"})
	ask(t, client(t), "DELETE", base+"/sessions/2")
	three := open(t, source, events.SessionOpened{Service: "orders"})
	ask(t, client(t), "DELETE", fmt.Sprintf("%s/sessions/%d", base, three))
	if e := next(t, kills); !strings.Contains(e.data, fmt.Sprintf(`"session":%d,`, three)) || e.id == "" {
		t.Errorf("then comes %+v", e)
	}
	check(t, server.Shutdown(t.Context()))
	for range kills {
		t.Error("there is more")
	}
}

func TestSourceSeesItsOwnEvents(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	logins := newTestAccounts(t)
	base := "http://" + serve(t, httpd.Config{Registry: registry, Accounts: logins.gate})
	open(t, startSource(t, registry, "edge-1"), events.SessionOpened{Service: "orders"})
	open(t, startSource(t, registry, "edge-2"), events.SessionOpened{Service: "orders"})
	login := logins.headers()["source"]
	got := ask(t, client(t), "GET", base+"/events?kind=session_opened", login...)
	if got.status != 200 || strings.Count(got.body, `"kind"`) != 1 || !strings.Contains(got.body, `"source":"edge-1"`) {
		t.Errorf("got %+v", got)
	}
	if got := ask(t, client(t), "GET", base+"/events?source=edge-2", login...); got.status != http.StatusForbidden {
		t.Errorf("of another source: got %+v", got)
	}
}
