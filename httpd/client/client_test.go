package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/httpd/client"
)

// A list is read over as many pages as it takes, as far as it is asked for.
func TestSessionsOverPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const sessions = 1234
	for i := range sessions {
		s.open(t, fmt.Sprint("user-", i%10))
	}
	c := newClient(t, s.address)
	for _, limit := range []int{0, 1, 1000, 1001, 1234, 9999} {
		next := uint64(1)
		for v, err := range c.Sessions(t.Context(), client.Query{Limit: limit, Fields: []string{"id", "user"}}) {
			check(t, err)
			if v.ID != next || v.User != fmt.Sprint("user-", (v.ID-1)%10) {
				t.Fatalf("limit %d: session %d of %q in place %d", limit, v.ID, v.User, next)
			}
			next++
		}
		want := sessions
		if limit > 0 {
			want = min(limit, sessions)
		}
		if got := int(next) - 1; got != want {
			t.Errorf("limit %d: %d sessions, want %d", limit, got, want)
		}
	}
	n, err := c.Count(t.Context(), client.Query{User: []string{"user-1", "user-2"}})
	check(t, err)
	if n != 248 {
		t.Errorf("%d sessions of two users were counted, want 248", n)
	}
}

// A session, its connections and its trail are shown whole, then and now.
func TestOneSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s.address)
	id := s.open(t, "jdoe")
	opened := s.registry.Moment().Sequence
	check(t, s.source.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}))
	v, err := c.Session(t.Context(), id, "")
	check(t, err)
	if v.User != "jdoe" || v.Status != "closed" || v.Reason != "client_closed" || v.Port != 51234 || v.Ended.IsZero() ||
		client.LinkName(v.Service) != "my-service" || len(v.Servers) != 1 || client.LinkName(v.Servers[0]) != "db/1" {
		t.Errorf("it is shown as %+v", v)
	}
	then, err := c.Session(t.Context(), id, fmt.Sprint(opened))
	check(t, err)
	if then.Status != "live" || then.Reason != "" || !then.Ended.IsZero() {
		t.Errorf("as of record %d it is shown as %+v", opened, then)
	}
	all, err := c.Connections(t.Context(), id, "")
	check(t, err)
	if len(all) != 2 || all[0].Number != 0 || all[1].ServerID != 4711 || client.LinkName(all[1].Server) != "db/1" || all[1].Statistics == nil {
		t.Errorf("its connections are %+v", all)
	}
	trail, err := c.Trail(t.Context(), id)
	check(t, err)
	if len(trail) != 4 || trail[0].Kind != "session_opened" || trail[2].User != "jdoe" || trail[3].Reason != "client_closed" {
		t.Errorf("its trail is %+v", trail)
	}
}

// A kill is confirmed when the source has acted, pending until then, and can be scheduled
// and withdrawn.
func TestKill(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s.address)
	id, other, third := s.open(t, "jdoe"), s.open(t, "ann"), s.open(t, "eve")
	_, err := c.Kill(t.Context(), other, client.Kill{TTL: time.Hour, Reason: "deploy"})
	check(t, err)
	check(t, c.Withdraw(t.Context(), other))
	v, err := c.Session(t.Context(), other, "")
	check(t, err)
	if _, err := c.Kill(t.Context(), other, client.Kill{Version: v.Version - 1}); !client.IsStatus(err, http.StatusPreconditionFailed) {
		t.Errorf("a session that has changed: %v", err)
	}
	go func() {
		ids, err := s.source.Kills(context.WithoutCancel(t.Context()))
		if err == nil && len(ids) == 1 {
			err = s.source.Record(context.WithoutCancel(t.Context()), ids[0], &events.SessionClosed{Reason: events.ReasonKilled})
		}
		if err != nil {
			t.Error(err)
		}
	}()
	if got, err := c.Kill(t.Context(), id, client.Kill{Reason: "runaway report"}); err != nil || got != (client.KillResult{Confirmed: true}) {
		t.Errorf("killed: %+v, %v", got, err)
	}
	if v, err := c.Session(t.Context(), id, ""); err != nil || v.Reason != "killed" || v.Note != "runaway report" {
		t.Errorf("it ended as %+v, %v", v, err)
	}
	if _, err := c.Kill(t.Context(), id, client.Kill{}); !client.IsStatus(err, http.StatusConflict) {
		t.Errorf("killed again: %v", err)
	}
	if got, err := c.Kill(t.Context(), third, client.Kill{}); err != nil || got.Confirmed {
		t.Errorf("nobody acts: %+v, %v", got, err)
	}
	counted, err := c.KillService(t.Context(), "my service", "", true)
	check(t, err)
	if counted.Pending != 2 || counted.Closed != 0 {
		t.Errorf("a dry run counts %+v", counted)
	}
}

// Services, servers and sources are found by name, however it has to be escaped.
func TestThings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s.address)
	check(t, s.source.DeclareService(t.Context(), events.ServiceDeclared{
		Name: "my service", Protocol: "mysql", Router: "roundrobin", Listeners: []string{"127.0.0.1:4006"}, Servers: []string{"db/1"},
	}))
	check(t, s.source.DeclareServer(t.Context(), events.ServerDeclared{Name: "db/1", Address: "10.0.0.1", Port: 3306}))
	s.open(t, "jdoe")
	service, err := c.Service(t.Context(), "my service")
	check(t, err)
	listeners, err := c.Listeners(t.Context(), "my service")
	check(t, err)
	if service.Current != 1 || service.State != "started" || len(listeners) != 1 || listeners[0].Port != 4006 {
		t.Errorf("service %+v, listeners %+v", service, listeners)
	}
	check(t, c.StopService(t.Context(), "my service"))
	if service, err = c.Service(t.Context(), "My-Service"); err != nil || service.State != "stopped" {
		t.Errorf("stopped it is %+v, %v", service, err)
	}
	check(t, c.StartService(t.Context(), "my service"))
	if v, err := c.Server(t.Context(), "db/1"); err != nil || v.Address != "10.0.0.1" || v.Total != 1 {
		t.Errorf("server %+v, %v", v, err)
	}
	if v, err := c.Source(t.Context(), "gateway"); err != nil || v.State != "running" || v.Started.IsZero() {
		t.Errorf("source %+v, %v", v, err)
	}
	services, err := c.Services(t.Context())
	check(t, err)
	servers, err := c.Servers(t.Context())
	check(t, err)
	sources, err := c.Sources(t.Context())
	check(t, err)
	if len(services) != 1 || len(servers) != 1 || len(sources) != 1 {
		t.Errorf("%d services, %d servers, %d sources", len(services), len(servers), len(sources))
	}
	check(t, c.Ready(t.Context()))
	if v, err := c.Version(t.Context()); err != nil || v.Go == "" {
		t.Errorf("version %+v, %v", v, err)
	}
}

// What goes wrong is an error that a caller can tell apart and a person can read.
func TestErrors(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s.address)
	_, err := c.Session(t.Context(), 42, "")
	if !client.IsStatus(err, http.StatusNotFound) || err.Error() != "No session 42 is in the book." {
		t.Errorf("no such session: %v", err)
	}
	for _, err := range c.Sessions(t.Context(), client.Query{Status: []string{"alive"}}) {
		if !client.IsStatus(err, http.StatusBadRequest) || !strings.Contains(err.Error(), "alive") {
			t.Errorf("no such status: %v", err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	address := l.Addr().String()
	check(t, l.Close())
	_, err = newClient(t, address).Version(t.Context())
	if e, ok := errors.AsType[*client.UnreachableError](err); !ok || e.Address != "http://"+address || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Version(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that is given up: %v", err)
	}
	for _, address := range []string{"", "127.0.0.1:8989", "ftp://host", "http://", "http://host/?q", "http://user@host/", "http://h ost"} {
		if _, err := client.New(address, client.Options{}); err == nil {
			t.Errorf("the address %q is taken", address)
		}
	}
}

// An answer of something else than a Gatebook server is called that.
func TestAnotherServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a page":         {200, "<html>", "the answer to /version is not what a Gatebook server sends"},
		"a proxy":        {502, "Bad Gateway\nnginx", `the answer is 502 Bad Gateway, and not in a form that a Gatebook server sends: "Bad Gateway"`},
		"nothing":        {404, "", "the answer is 404 Not Found, and not in a form that a Gatebook server sends"},
		"a redirect":     {302, "", "the answer is 302 Found"},
		"another object": {500, `{"message": "x"}`, "the answer is 500"},
	} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		asker := newClient(t, strings.TrimPrefix(other.URL, "http://"))
		_, err := asker.Version(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		asker.Close()
		other.Close()
	}
}

// Requests carry the credentials that were given, go below the address's path, and through a
// socket of the file system where one is named.
func TestRequests(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	check(t, err)
	asked := make(chan *http.Request, 1)
	other := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		fmt.Fprint(w, "{}")
	})}
	served := make(chan error, 1)
	go func() { served <- other.Serve(l) }()
	for _, c := range []struct {
		options       client.Options
		authorization string
	}{
		{client.Options{}, ""},
		{client.Options{User: "ann", Password: "secret"}, "Basic YW5uOnNlY3JldA=="},
		{client.Options{Token: "gbt_1", User: "ann"}, "Bearer gbt_1"},
	} {
		c.options.Socket, c.options.UserAgent = socket, "test/1"
		asker, err := client.New("http://localhost/below/it/", c.options)
		check(t, err)
		_, err = asker.Service(t.Context(), "a/b c")
		check(t, err)
		r := <-asked
		if got := r.Header.Get("Authorization"); got != c.authorization || r.Header.Get("User-Agent") != "test/1" {
			t.Errorf("asked with %q by %q, want %q", got, r.Header.Get("User-Agent"), c.authorization)
		}
		if r.URL.EscapedPath() != "/below/it/services/a%2Fb%20c" {
			t.Errorf("asked for %s", r.URL.EscapedPath())
		}
		if asker.Address() != socket {
			t.Errorf("the address is %s", asker.Address())
		}
		asker.Close()
	}
	check(t, other.Close())
	<-served
}
