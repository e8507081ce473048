package httpd_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// fillBook opens a registry and records four sessions: 1 was lost with a source that has
// ended, 2 goes on since 03:03:12, 3 since 03:10:00, 4 was closed. It is 03:12:00.
func fillBook(t *testing.T, c *clock) *gatebook.Registry {
	t.Helper()
	r := openBook(t, c,
		events.Record{Event: &events.SourceStarted{Source: "edge-0", Incarnation: "1"}},
		events.Record{Session: 1, Event: &events.SessionOpened{
			Source: "edge-0", Incarnation: "1", Service: "old \"service\"/ü", Address: "2001:db8::1",
		}},
	)
	ctx := t.Context()
	s := startSource(t, r, "edge-1")
	check(t, s.DeclareService(ctx, events.ServiceDeclared{
		Name: "My Service", Protocol: "mysql", Router: "leastconn",
		Listeners: []string{"0.0.0.0:4006"}, Servers: []string{"db-serv-01", "db-serv-02"},
	}))
	check(t, s.DeclareServer(ctx, events.ServerDeclared{Name: "db-serv-01", Address: "10.0.0.1", Port: 3306, Protocol: "mysql"}))
	check(t, s.DeclareServer(ctx, events.ServerDeclared{Name: "db-serv-02", Address: "10.0.0.2", Port: 3306, Protocol: "mysql"}))

	two := open(t, s, events.SessionOpened{Service: "My Service", Listener: "0.0.0.0:4006", Protocol: "mysql", Address: "192.168.0.200", Port: 51234})
	check(t, s.Record(ctx, two, &events.ConnectionFailed{Connection: 1, Server: "db-serv-02", Cause: "connection refused"}))
	check(t, s.Record(ctx, two, &events.ConnectionOpened{Connection: 2, Server: "db-serv-01", ServerID: 77},
		&events.SessionReady{User: "jdoe", Database: "shop", Program: "mysql"}))
	c.advance(6*time.Minute + 48*time.Second)
	three := open(t, s, events.SessionOpened{Service: "My Service", Protocol: "mysql", Address: "192.168.0.201", TLS: "TLS 1.3"})
	check(t, s.Record(ctx, three, &events.ConnectionOpened{Connection: 1, Server: "db-serv-01"}))
	four := open(t, s, events.SessionOpened{Service: "My Service", Protocol: "mysql", Address: "192.168.0.202"})
	c.advance(90*time.Second + 250*time.Millisecond)
	check(t, s.Record(ctx, four, &events.SessionClosed{
		Reason: events.ReasonIdleTimeout, By: "gateway", Description: "it was idle for \"90 s\"",
		Finals: []events.Final{{Counters: events.Counters{Reads: 3, BytesRead: 90}, Active: c.time() - 60e6}},
	}))
	c.advance(30*time.Second - 250*time.Millisecond)
	s.Observe([]gatebook.Sample{
		{Session: two, Counters: events.Counters{Reads: 12, Writes: 34}, Active: c.time() - 260e6},
		{Session: two, Connection: 2, Counters: events.Counters{Reads: 2197, Writes: 1562, BytesRead: 5, BytesWritten: 6}, Active: c.time()},
		{Session: three, Active: c.time() - 1_999_999},
	})
	return r
}

func open(t testing.TB, s *gatebook.Source, e events.SessionOpened) uint64 {
	t.Helper()
	id, err := s.Open(t.Context(), e)
	check(t, err)
	return id
}

const (
	one   = `{"id":1,"state":"Session lost","user":"","address":"2001:db8::1","service":"/services/old-%22service%22%2F%C3%BC","connected":"Wed Aug 31 03:03:12 2016","idle":0,"closed":"Wed Aug 31 03:03:12 2016","reason":"registry_crashed"}`
	two   = `{"id":2,"state":"Session ready for routing","user":"jdoe","address":"192.168.0.200","service":"/services/my-service","connected":"Wed Aug 31 03:03:12 2016","idle":260}`
	three = `{"id":3,"state":"Session Ready","user":"","address":"192.168.0.201","service":"/services/my-service","connected":"Wed Aug 31 03:10:00 2016","idle":1}`
	four  = `{"id":4,"state":"Session closed","user":"","address":"192.168.0.202","service":"/services/my-service","connected":"Wed Aug 31 03:10:00 2016","idle":60,"closed":"Wed Aug 31 03:11:30 2016","reason":"idle_timeout"}`

	failed  = `{"state":"DCB socket closed","role":"Backend Request Handler","server":"/servers/db-serv-02","service":"/services/my-service","statistics":{"reads":0,"writes":0,"buffered_writes":0,"high_water_events":0,"low_water_events":0}}`
	backend = `{"state":"DCB in the polling loop","role":"Backend Request Handler","server":"/servers/db-serv-01","service":"/services/my-service","statistics":{"reads":2197,"writes":1562,"buffered_writes":0,"high_water_events":0,"low_water_events":0}}`
	front   = `{"state":"DCB in the polling loop","role":"Client Request Handler","server":null,"service":"/services/my-service","statistics":{"reads":12,"writes":34,"buffered_writes":0,"high_water_events":0,"low_water_events":0}}`

	myService  = `{"name":"My Service","router":"leastconn","state":"started","total_connections":3,"current_connections":2,"started":"2016-08-31T03:03:12.000000Z","servers":["/servers/db-serv-01","/servers/db-serv-02"],"listeners":["0.0.0.0:4006"]}`
	oldService = `{"name":"old \"service\"/ü","router":null,"state":null,"total_connections":1,"current_connections":0,"started":null,"servers":[],"listeners":[]}`
	server2    = `{"name":"db-serv-02","address":"10.0.0.2","port":3306,"protocol":"mysql","status":[],"current_connections":0,"total_connections":0}`
	server1    = `{"name":"db-serv-01","address":"10.0.0.1","port":3306,"protocol":"mysql","status":[],"current_connections":2,"total_connections":2}`
	edge0      = `{"name":"edge-0","incarnation":"1","state":"lost","version":null,"host":null,"started":"2016-08-31T03:03:12.000000Z","last_seen":"2016-08-31T03:03:12.000000Z"}`
	edge1      = `{"name":"edge-1","incarnation":"5","state":"running","version":"1.2","host":"gw-1","started":"2016-08-31T03:03:12.000000Z","last_seen":"2016-08-31T03:03:12.000000Z"}`
)

func array(all ...string) string { return "[" + strings.Join(all, ",") + "]" }

// refused returns the body of an error.
func refused(short, description string) string {
	return `{"error":"` + short + `","description":"` + strings.ReplaceAll(description, `"`, `\"`) + `"}`
}

// golden is a request and its whole answer.
type golden struct {
	method, target string
	header         []string // of the request
	status         int
	total          string // X-Total-Count
	body           string // without the newline at its end
}

func (g golden) name() string {
	return strings.Join(append([]string{g.method, g.target}, g.header...), " ")
}

const (
	readOnly = "GET, HEAD, OPTIONS"
	killable = "DELETE, GET, HEAD, OPTIONS"
)

// allowOf returns the header Allow of a path, "" when the path is not known.
func allowOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/events":
		return "GET, HEAD, OPTIONS, POST"
	case path == "/sessions/counts":
		return readOnly
	case parts[0] == "sessions" && len(parts) == 2 && !strings.HasSuffix(path, "/"):
		return killable
	case strings.HasSuffix(path, "/") && path != "/", strings.HasPrefix(path, "/nothing"), len(parts) > 3:
		return ""
	}
	return readOnly
}

// stateOf returns the entity tag of a target, and the date of its last change; both are empty
// when it has none. process names the run of the server.
func stateOf(target, process string) (tag, modified string) {
	path, query, _ := strings.Cut(target, "?")
	if strings.Contains(query, "since=25s") || strings.Contains(query, "since=1d") {
		return "", "" // the clock changes what is in them
	}
	counters := strings.Contains(query, "statistics") || strings.Contains(query, "fields=*") || strings.HasSuffix(path, "/connections")
	sequence, observed := uint64(0), 0
	name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/connections"))
	if name == "sessions" && strings.Contains(query, "server=db-serv-02") {
		return `"0"`, "" // it has no sessions that could have changed
	}
	switch name {
	case "sessions", "sessions/counts", "services", "services/my-service", "services/my%20service", "sessions/4":
		sequence = 16
		switch { // of these sessions alone
		case strings.Contains(query, "source=edge-0"):
			sequence = 3
		case strings.Contains(query, "server=DB-serv-01"):
			sequence = 14
		}
	case "services/old-%22service%22%2f%c3%bc", "services/old-%22service%22%2fu%cc%88", "sessions/1":
		sequence = 3
	case "sessions/2":
		sequence, observed = 12, 2
	case "sessions/3":
		sequence, observed = 14, 1
	case "servers", "servers/db-serv-01":
		sequence = 14
	case "sources", "sources/edge-1":
		sequence = 5
	default:
		return "", ""
	}
	if observed > 0 && counters {
		return fmt.Sprintf(`"%d;%d-%s"`, sequence, observed, process), ""
	}
	modified = "Wed, 31 Aug 2016 03:11:30 GMT"
	switch {
	case sequence <= 12:
		modified = "Wed, 31 Aug 2016 03:03:12 GMT"
	case sequence <= 15:
		modified = "Wed, 31 Aug 2016 03:10:00 GMT"
	}
	return fmt.Sprintf(`"%d"`, sequence), modified
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry := fillBook(t, c)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	asker := client(t)
	sequence := strconv.FormatUint(registry.Moment().Sequence, 10)
	process := strconv.FormatInt(c.Now().UnixMicro(), 36)
	for _, g := range goldens() {
		t.Run(g.name(), func(t *testing.T) {
			got := ask(t, asker, g.method, base+g.target, g.header...)
			body := g.body
			if body != "" {
				body += "\n"
			}
			if got.status != g.status || got.body != body {
				t.Errorf("got %d\n%s\nwant %d\n%s", got.status, got.body, g.status, body)
			}
			want := http.Header{"Gatebook-Sequence": {sequence}, "Vary": {"Accept, Accept-Encoding"}}
			if tag, modified := stateOf(g.target, process); tag != "" && g.status == http.StatusOK {
				want.Set("ETag", tag)
				if modified != "" {
					want.Set("Last-Modified", modified)
				}
			}
			if allow := allowOf(g.target); allow != "" {
				want.Set("Allow", allow)
			}
			if g.total != "" {
				want.Set("X-Total-Count", g.total)
			}
			if g.body != "" || g.method == http.MethodHead && g.target != "/" {
				want.Set("Content-Type", "application/json")
			}
			if got.header.Get("Date") == "" {
				t.Error("there is no Date")
			}
			got.header.Del("Date")
			for name, value := range protective {
				if got.header.Get(name) != value {
					t.Errorf("%s: got %q, want %q", name, got.header.Get(name), value)
				}
				got.header.Del(name)
			}
			got.header.Del("Content-Length")
			compareHeaders(t, got.header, want)
		})
	}
}

func compareHeaders(t *testing.T, got, want http.Header) {
	t.Helper()
	for name := range want {
		if got.Get(name) != want.Get(name) {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), want.Get(name))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %q is not expected", name, got.Get(name))
		}
	}
}

// protective holds the headers for browsers, which every answer has.
var protective = map[string]string{
	"Cache-Control":                "private, no-cache",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
}
