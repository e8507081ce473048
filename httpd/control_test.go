package httpd_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/accounts"
	apiclient "gatebook/httpd/client"
	"gatebook/httpd/control"
)

// serveControl starts a server with a control socket, and returns a client of the socket and
// the server's address.
func serveControl(t *testing.T, config httpd.Config) (c *apiclient.Client, address string) {
	t.Helper()
	// Cleanups run in reverse order: the server is shut down before the socket is waited for.
	_, address = serveThat(t, config, func(s *httpd.Server) { c = atSocket(t, s) })
	return c, address
}

// atSocket serves a server's control socket, and returns a client of it.
func atSocket(t *testing.T, server *httpd.Server) *apiclient.Client {
	t.Helper()
	folder := t.TempDir()
	l, err := control.Listen(folder, func(p control.Peer) { t.Errorf("rejected is %+v", p) })
	check(t, err)
	served := make(chan error, 1)
	go func() { served <- server.ServeControl(l) }()
	t.Cleanup(func() { check(t, <-served) })
	c, err := apiclient.New("http://localhost", apiclient.Options{Socket: control.Path(folder)})
	check(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestControlSocket uses the API at the control socket without an account, while there are
// accounts: what is done there is recorded under the name of the user, and the connection is
// not.
func TestControlSocket(t *testing.T) {
	t.Parallel()
	registry, p := openBook(t, newClock()), newTestAccounts(t)
	source := startSource(t, registry, "gateway")
	id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.7", Port: 1})
	check(t, err)
	c, address := serveControl(t, httpd.Config{
		Registry: registry, Source: startSource(t, registry, "gatebook"), RecordAdmin: true, Accounts: p.gate,
		ManageAccounts: func(_ context.Context, by string, change func(accounts.File) error) error {
			f := p.file
			f.By = by
			return change(f)
		},
	})
	var live []uint64
	for s, err := range c.Sessions(t.Context(), apiclient.Query{}) {
		check(t, err)
		live = append(live, s.ID)
	}
	if fmt.Sprint(live) != fmt.Sprint([]uint64{id}) {
		t.Errorf("the live sessions are %v", live)
	}
	ending := make(chan error, 1)
	go func() {
		ids, err := source.Kills(t.Context())
		if err == nil {
			_, err = source.End(t.Context(), ids[0], events.SessionClosed{Reason: events.ReasonKilled})
		}
		ending <- err
	}()
	killed, err := c.Kill(t.Context(), id, apiclient.Kill{Reason: "test"})
	check(t, err)
	check(t, <-ending)
	user := control.Actor(os.Geteuid())
	if s, err := c.Session(t.Context(), id, ""); err != nil || !killed.Confirmed || s.By != user {
		t.Errorf("killed: %v, by %q, want %q: %v", killed.Confirmed, s.By, user, err)
	}

	check(t, c.AddAccount(t.Context(), "cy", "basic", "cy's password"))
	all, err := c.Accounts(t.Context())
	check(t, err)
	var names []string
	for _, a := range all {
		names = append(names, fmt.Sprint(a.Name, " ", a.Role, " ", a.Password, " ", a.Tokens))
	}
	if got := strings.Join(names, ", "); got != "ann admin true 0, bob basic true 0, cy basic true 0, edge-1 source false 1" {
		t.Errorf("the accounts are %s", got)
	}
	token, err := c.MakeToken(t.Context(), apiclient.NewToken{Account: "cy", Ends: "never"})
	check(t, err)
	if _, err := p.gate.Reload(); err != nil {
		t.Error(err)
	}
	if got := ask(t, client(t), "GET", "http://"+address+"/sessions", "Authorization: Bearer "+token.Secret); got.status != http.StatusOK {
		t.Errorf("with the token: %d %s", got.status, got.body)
	}
	for _, x := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"there already", c.AddAccount(t.Context(), "ANN", "basic", "password"), 409, "There is an account ann already."},
		{"unknown", c.RemoveAccount(t.Context(), "dee", false), 404, "There is no account dee; there are: ann, bob, cy, edge-1."},
		{"a short password", c.SetPassword(t.Context(), "cy", "short", false), 400, "The password has 5 characters; it needs at least 8."},
		{"the last administrator", c.RemoveAccount(t.Context(), "ann", false), 409, "Ann is the last account of an administrator; add another one first, or say --force."},
	} {
		if !apiclient.IsStatus(x.err, x.status) || x.err.Error() != x.want {
			t.Errorf("%s: got %v", x.name, x.err)
		}
	}
	check(t, c.RevokeToken(t.Context(), "cy", "token"))
	check(t, c.RemoveAccount(t.Context(), "cy", false))
	if got := ask(t, client(t), "GET", "http://"+address+"/accounts", basic("ann", annsPassword)); got.status != http.StatusNotFound {
		t.Errorf("the API has accounts too: %d %s", got.status, got.body)
	}
}

// TestControlWithoutAccounts asks for the accounts of a server that manages none.
func TestControlWithoutAccounts(t *testing.T) {
	t.Parallel()
	c, _ := serveControl(t, httpd.Config{Registry: openBook(t, newClock())})
	if _, err := c.Accounts(t.Context()); !apiclient.IsStatus(err, http.StatusNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestFollowAtSocket follows the log at the control socket until the server is shut down.
func TestFollowAtSocket(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	c, _ := serveControl(t, httpd.Config{Registry: registry})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	startSource(t, registry, "edge-1")
	for e, err := range c.Follow(ctx, apiclient.EventQuery{FromStart: true}, nil) {
		check(t, err)
		if e.Kind == "source_started" {
			break
		}
	}
}

// TestNonsenseAtSocket sends what is no HTTP to the control socket.
func TestNonsenseAtSocket(t *testing.T) {
	t.Parallel()
	server, err := httpd.New(httpd.Config{Registry: openBook(t, newClock())})
	check(t, err)
	folder := t.TempDir()
	l, err := control.Listen(folder, func(p control.Peer) { t.Errorf("rejected is %+v", p) })
	check(t, err)
	served := make(chan error, 1)
	go func() { served <- server.ServeControl(l) }()
	t.Cleanup(func() {
		check(t, server.Shutdown(context.Background()))
		check(t, <-served)
	})
	c, err := control.Dial(t.Context(), control.Path(folder))
	check(t, err)
	defer c.Close()
	r := &raw{t: t, halfConn: c.(halfConn), in: bufio.NewReader(c)}
	r.send("nonsense")
	if got := r.receive("GET"); got.status != http.StatusBadRequest || !strings.HasPrefix(got.body, `{"error":"Invalid request"`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
