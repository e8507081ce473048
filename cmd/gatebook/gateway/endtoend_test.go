package gateway_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// patience limits what a test waits for.
const patience = 20 * time.Second

// endToEnd is a registry, and a gateway with a service of one kind in
// front of real servers.
type endToEnd struct {
	*gatebook.Registry
	gateway *gateway.Gateway
	t       testing.TB
}

// mariadbUsers adds the users of both MariaDB servers, all with the password secret:
// jdoe with the usual plugin, ed with ed25519.
func mariadbUsers(s *servertest.Server) error {
	if err := s.AddUser("jdoe", "secret"); err != nil {
		return err
	}
	for _, statement := range []string{
		"INSTALL SONAME 'auth_ed25519'",
		"CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('secret')",
		"GRANT ALL ON " + servertest.Database + ".* TO ed",
	} {
		if err := s.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// postgresUsers adds jdoe with SCRAM and old with MD5, both with the password
// secret.
func postgresUsers(s *servertest.Server) error {
	if err := s.AddUser("jdoe", "secret"); err != nil {
		return err
	}
	folder, err := s.Query("SHOW data_directory")
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE ROLE old LOGIN PASSWORD 'md5" + md5Of("secret"+"old") + "'",
		// Method md5 takes both kinds of passwords.
		"COPY (SELECT 'host all all 127.0.0.1/32 md5') TO '" + folder[0][0] + "/pg_hba.conf'",
		"SELECT pg_reload_conf()",
	} {
		if err := s.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func mariadb1(t testing.TB) *servertest.Server {
	return servers.first.get(t, newMariaDB, mariadbUsers)
}

func mariadb2(t testing.TB) *servertest.Server {
	return servers.second.get(t, newMariaDB, mariadbUsers)
}

func postgres(t testing.TB) *servertest.Server {
	return servers.postgres.get(t, servertest.NewPostgres, postgresUsers)
}

func newMariaDB(...servertest.Option) (*servertest.Server, error) {
	return servertest.NewMariaDB(servertest.WithArgs("--max-connections=2000", "--connect-timeout=60"))
}

// open starts both with a service front that speaks the protocol with the servers,
// named db1, db2, ….
func open(t testing.TB, protocol gateway.Protocol, backends ...*servertest.Server) *endToEnd {
	t.Helper()
	return openWith(t, protocol, func(*gateway.Service) {}, backends...)
}

// openWith is like open, with a service that is changed first.
func openWith(t testing.TB, protocol gateway.Protocol, change func(*gateway.Service), backends ...*servertest.Server) *endToEnd {
	t.Helper()
	return openConfig(t, protocol, func(c *gateway.Config) { change(&c.Services[0]) }, backends...)
}

// openConfig is like open, with a configuration that is changed first.
func openConfig(t testing.TB, protocol gateway.Protocol, change func(*gateway.Config), backends ...*servertest.Server) *endToEnd {
	t.Helper()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registry.Close(); err != nil {
			t.Errorf("close registry: %v", err)
		}
	})
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	service := gateway.Service{
		Name: "front", Protocol: protocol, Listen: []string{"127.0.0.1:0"},
		HighWater: gateway.DefaultHighWater, LowWater: gateway.DefaultLowWater,
		LoginTimeout: time.Minute, // the machine may be busy
	}
	config := gateway.Config{StatisticsInterval: 20 * time.Millisecond}
	for i, backend := range backends {
		name := fmt.Sprintf("db%d", i+1)
		config.Servers = append(config.Servers, gateway.Server{Name: name, Address: backend.Address})
		service.Servers = append(service.Servers, name)
	}
	config.Services = []gateway.Service{service}
	change(&config)
	g, err := gateway.Start(t.Context(), config, source, zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	h := &endToEnd{Registry: registry, gateway: g, t: t}
	t.Cleanup(h.close)
	return h
}

// close closes the gateway, the first time it is called.
func (h *endToEnd) close() {
	if h.gateway == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.gateway.Close(ctx); err != nil {
		h.t.Errorf("close gateway: %v", err)
	}
	h.gateway = nil
}

// address is where the service listens.
func (h *endToEnd) address() string { return h.gateway.Addresses("front")[0].String() }

// login returns a user's login through the gateway.
func (h *endToEnd) login(user, password string) servertest.Login {
	return servertest.Login{Address: h.address(), User: user, Password: password, Database: servertest.Database}
}

// session returns a session, live or ended.
func (h *endToEnd) session(id uint64) projection.View {
	h.t.Helper()
	v, _, err := h.Session(id)
	if err != nil {
		h.t.Fatalf("session %d: %v", id, err)
	}
	return v
}

// ended waits for a session's end.
func (h *endToEnd) ended(id uint64) projection.View {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("session %d has ended", id), func() bool {
		v, _, err := h.Session(id)
		return err == nil && v.Status == projection.Closed
	})
	return h.session(id)
}

// wantEnd waits for a session's end and checks its login and its reason.
func (h *endToEnd) wantEnd(id uint64, login projection.Login, reason events.Reason) projection.View {
	h.t.Helper()
	v := h.ended(id)
	if v.Login() != login || v.Ending().Reason != reason {
		h.t.Errorf("session %d of %+v ended with %v %q; want %+v, %v",
			id, v.Login(), v.Ending().Reason, v.Ending().Description, login, reason)
	}
	if origin := v.Origin(); v.Address() != "127.0.0.1" || v.Port == 0 || origin.Service != "front" || origin.Source != "gateway" {
		h.t.Errorf("session %d of %s:%d by %+v", id, v.Address(), v.Port, origin)
	}
	return v
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// dial connects to the gateway and sends nothing.
func (h *endToEnd) dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.address())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return conn
}
