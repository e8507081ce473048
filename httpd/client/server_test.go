package client_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is a Gatebook server with a source that reports sessions.
type server struct {
	registry *gatebook.Registry
	source   *gatebook.Source
	address  string // host:port
}

// newServer starts a server, which ends with the test.
func newServer(t *testing.T) *server {
	t.Helper()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	check(t, err)
	s := &server{registry: registry, source: source}
	s.address = s.serve(t, "127.0.0.1:0")
	return s
}

// serve starts an API server at an address.
func (s *server) serve(t *testing.T, address string) string {
	t.Helper()
	api, err := httpd.New(httpd.Config{Registry: s.registry, KillWait: time.Second})
	check(t, err)
	l, err := net.Listen("tcp", address)
	check(t, err)
	served := make(chan error, 1)
	go func() { served <- api.Serve(l) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		check(t, api.Shutdown(ctx))
		check(t, <-served)
	})
	return l.Addr().String()
}

// open opens a session of a user.
func (s *server) open(t *testing.T, user string) uint64 {
	t.Helper()
	id, err := s.source.Open(t.Context(), events.SessionOpened{Service: "my service", Protocol: "mysql", Address: "192.0.2.7", Port: 51234})
	check(t, err)
	check(t, s.source.Record(t.Context(), id, &events.ConnectionOpened{Connection: 1, Server: "db/1", ServerID: 4711},
		&events.SessionReady{User: user, Database: "shop", Program: "checkout"}))
	return id
}

// newClient returns a client of the server at an address.
func newClient(t *testing.T, address string) *client.Client {
	t.Helper()
	c, err := client.New("http://"+address, client.Options{})
	check(t, err)
	t.Cleanup(c.Close)
	return c
}
