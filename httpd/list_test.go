package httpd_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// manySessions opens n sessions with texts that JSON and links have to escape, and
// ends every third.
func manySessions(t testing.TB, r *gatebook.Registry, n int) {
	t.Helper()
	s := startSource(t, r, "edge \"1\"")
	for i := range n {
		id := open(t, s, events.SessionOpened{Service: fmt.Sprintf("Ser/vice \"%d\" ü", i%7), Address: "fe80::1%\"eth0\"", TLS: "\x00\xff"})
		list := []events.Event{&events.ConnectionOpened{Connection: 1, Server: "db <1>?"}, &events.SessionReady{User: fmt.Sprintf("üser\u2028%d\n", i)}}
		if i%3 == 0 {
			list = append(list, &events.SessionClosed{Reason: events.ReasonClientClosed})
		}
		check(t, s.Record(t.Context(), id, list...))
	}
}

func TestLongListIsWhole(t *testing.T) {
	t.Parallel()
	const n = 3000
	registry := openBook(t, newClock())
	manySessions(t, registry, n)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	for _, query := range []string{"", "&fields=*", "&pretty=true", "&fields=*&pretty=true"} {
		got := ask(t, client(t), "GET", base+"/sessions?status=all"+query)
		all := decode[[]map[string]any](t, got.body)
		if len(all) != n || got.header.Get("X-Total-Count") != fmt.Sprint(n) || got.header.Get("Content-Length") != "" {
			t.Fatalf("%s: got %d sessions with %v", query, len(all), got.header)
		}
		for i, s := range all {
			if s["id"] != float64(i+1) || s["user"] != fmt.Sprintf("üser\u2028%d\n", i) || s["address"] != `fe80::1%"eth0"` {
				t.Fatalf("%s: got %v", query, s)
			}
		}
	}
	got := ask(t, client(t), "HEAD", base+"/sessions?status=all")
	if got.status != http.StatusOK || got.header.Get("X-Total-Count") != fmt.Sprint(n) || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: got %+v", got)
	}
}

// TestLinksResolve follows every link of every object.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	manySessions(t, registry, 10)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	link := regexp.MustCompile(`"(/[a-z]+/[^"]*)"`)
	c := client(t)
	seen := map[string]bool{}
	for _, target := range []string{"/sessions?status=all&fields=*", "/sessions/2/connections?fields=*&role=all", "/services?fields=*", "/servers?fields=*", "/sources?fields=*"} {
		for _, found := range link.FindAllStringSubmatch(ask(t, c, "GET", base+target).body, -1) {
			seen[found[1]] = true
		}
	}
	if len(seen) != 7+1+1 {
		t.Errorf("found %v", seen)
	}
	for target := range seen {
		if got := ask(t, c, "GET", base+target); got.status != http.StatusOK {
			t.Errorf("%s: %s", target, got.body)
		}
	}
}

// TestSlowReaderHoldsNobodyUp leaves a long list unread, and writes and reads meanwhile.
func TestSlowReaderHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	manySessions(t, registry, 3000)
	address := serve(t, httpd.Config{Registry: registry})
	slow := dial(t, address)
	check(t, slow.SetReadBuffer(64<<10))
	slow.send("GET /sessions?status=all&fields=*&pretty=true HTTP/1.1", "Host: localhost")
	head, err := slow.in.ReadString('\n')
	check(t, err)
	if !strings.Contains(head, "200") {
		t.Fatal(head)
	}
	s := startSource(t, registry, "edge-2")
	id := open(t, s, events.SessionOpened{Service: "orders"})
	if got := ask(t, client(t), "GET", fmt.Sprintf("http://%s/sessions/%d", address, id)); got.status != http.StatusOK {
		t.Errorf("got %+v", got)
	}
	// The list is of the moment of its request.
	for range 20 {
		line, err := slow.in.ReadString('\n')
		check(t, err)
		if line == "\r\n" {
			break
		}
	}
	rest := bufio.NewReader(slow.in)
	for {
		line, err := rest.ReadString('\n')
		check(t, err)
		if strings.Contains(line, fmt.Sprintf(`"id": %d,`, id)) {
			t.Error("a session that came later is in the list")
		}
		if line == "0\r\n" {
			break
		}
	}
}

func TestIdleIsNeverNegative(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry := openBook(t, c)
	s := startSource(t, registry, "edge-1")
	id := open(t, s, events.SessionOpened{Service: "orders"})
	s.Observe([]gatebook.Sample{{Session: id, Active: c.time() + events.Time(time.Hour/time.Microsecond)}})
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	var got struct {
		Idle     json.Number
		Duration json.Number
	}
	check(t, json.Unmarshal([]byte(ask(t, client(t), "GET", base+"/sessions/1?fields=idle,duration").body), &got))
	if got.Idle != "0" || got.Duration != "0" {
		t.Errorf("got %+v", got)
	}
}
