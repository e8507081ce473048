package gateway

import (
	"crypto/tls"
	"database/sql"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// start starts a gateway over one server, db1, with one service, front.
func start(t testing.TB, protocol Protocol, server Server, service Service) *harness {
	t.Helper()
	r := &harness{recorder: newRecorderStub(), t: t}
	server.Name = "db1"
	service.Name, service.Protocol, service.Listen, service.Servers = "front", protocol, []string{"127.0.0.1:0"}, []string{"db1"}
	service.HighWater, service.LowWater = DefaultHighWater, DefaultLowWater
	config := Config{StatisticsInterval: time.Hour, Servers: []Server{server}, Services: []Service{service}}
	g, err := Start(t.Context(), config, r.recorder, zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	close(r.recorder.started)
	t.Cleanup(r.close)
	return r
}

// files writes a pair to files and returns their paths.
func files(t testing.TB, pair certtest.Pair) ClientTLS {
	t.Helper()
	folder := t.TempDir()
	return ClientTLS{
		Certificate: certtest.WriteFile(t, folder, "service.pem", pair.Certificate),
		Key:         certtest.WriteFile(t, folder, "service.key", pair.Key),
	}
}

// throughFront returns a login that goes through the gateway.
func (r *harness) throughFront(l servertest.Login) servertest.Login {
	l.Address = r.Addresses("front")[0].String()
	return l
}

// openMySQL opens one connection of go-sql-driver, with TLS if there is a
// configuration.
func openMySQL(t testing.TB, l servertest.Login, config *tls.Config) *sql.DB {
	t.Helper()
	c, err := driver.ParseDSN(l.MySQL())
	if err != nil {
		t.Fatal(err)
	}
	c.TLS, c.Logger, c.ConnectionAttributes = config, &driver.NopLogger{}, "program_name:till"
	connector, err := driver.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	return one(t, sql.OpenDB(connector))
}

// openPostgres opens one connection of pgx, with TLS if there is a configuration.
func openPostgres(t testing.TB, l servertest.Login, config *tls.Config, parameters string) *sql.DB {
	t.Helper()
	c, err := pgx.ParseConfig(l.Postgres() + "?sslmode=disable&application_name=till" + parameters)
	if err != nil {
		t.Fatal(err)
	}
	c.TLSConfig = config
	return one(t, stdlib.OpenDB(*c))
}

func one(t testing.TB, db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// query returns the one text that a query brings.
func query(t testing.TB, db *sql.DB, text string) string {
	t.Helper()
	var got sql.NullString
	if err := db.QueryRowContext(t.Context(), text).Scan(&got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return got.String
}

// wantFailure runs a ping, and checks its error.
func wantFailure(t testing.TB, db *sql.DB, want string) {
	t.Helper()
	if err := db.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// wantSecured checks what is recorded of the session's TLS.
func wantSecured(t testing.TB, r *harness, id uint64, secured bool, subject string) {
	t.Helper()
	list := r.recorder.await(t, id, events.KindSessionReady)
	opened, ready := find[*events.SessionOpened](list)[0], find[*events.SessionReady](list)[0]
	if strings.HasPrefix(opened.TLS, "TLS 1.3 TLS_") != secured || opened.Subject != subject {
		t.Errorf("TLS %q, subject %q", opened.TLS, opened.Subject)
	}
	if ready.User == "" || ready.Database != servertest.Database || ready.Program == "" {
		t.Errorf("ready: %+v", ready)
	}
}

// TestMySQLTLS checks TLS on either side, on both and on none, with real clients.
func TestMySQLTLS(t *testing.T) {
	t.Parallel()
	authority, _ := shared.keys(t)
	server := shared.mariaDB(t)
	to := jdoe(server)
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", authority.Certificate)
	tests := map[string]Server{
		"off":                 {TLS: TLSOff},
		"prefer":              {TLS: TLSPrefer},
		"require":             {TLS: TLSRequire, CA: ca},
		"require, other name": {TLS: TLSRequire, CA: ca, ServerName: "localhost"},
	}
	for name, backend := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend.Address = server.Address
			r := start(t, MySQL, backend, Service{TLS: files(t, authority.Issue(t, "front"))})
			const text = "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'"
			for id, config := range []*tls.Config{nil, {RootCAs: authority.Pool(), ServerName: "localhost"}} {
				db := openMySQL(t, r.throughFront(to), config)
				if got := query(t, db, text); (got != "") != backend.speaksTLS() {
					t.Errorf("the server sees %q", got)
				}
				wantSecured(t, r, uint64(id+1), config != nil, "")
			}
			for id, arg := range []string{"--skip-ssl", "--ssl-ca=" + ca} {
				got := servertest.RunMariaDBClient(t, r.throughFront(to), text, arg)
				if got.Code != 0 || strings.HasPrefix(got.Stdout, "TLS") != backend.speaksTLS() {
					t.Errorf("%s: %+v", arg, got)
				}
				wantSecured(t, r, uint64(id+3), id == 1, "")
			}
			to := r.throughFront(to)
			to.Password = "wrong"
			wantFailure(t, openMySQL(t, to, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}), "Access denied")
		})
	}
}

// TestMySQLServerTLS checks that the client gets, and the record has, why a server's
// TLS cannot be used.
func TestMySQLServerTLS(t *testing.T) {
	t.Parallel()
	authority, _ := shared.keys(t)
	other, server := certtest.NewAuthority(t, "other"), shared.mariaDB(t)
	plain := newStubServer(t, func(p peer) {
		greeting := mysqlGreeting()
		greeting[4+len("\x0a10.11.0-test\x00")+4+len("scramble\x00")+1] &^= 0x08
		p.send(greeting)
		echo(p)
	})
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", other.Certificate)
	known := certtest.WriteFile(t, t.TempDir(), "ca.pem", authority.Certificate)
	for want, backend := range map[string]Server{
		"certificate signed by unknown authority": {Address: server.Address, TLS: TLSRequire, CA: ca},
		"certificate is valid for localhost":      {Address: server.Address, TLS: TLSPrefer, CA: known, ServerName: "elsewhere"},
		"the server offers no TLS":                {Address: plain.address(), TLS: TLSRequire, CA: ca},
	} {
		r := start(t, MySQL, backend, Service{})
		wantFailure(t, openMySQL(t, r.throughFront(server.Login), nil), want)
		end := r.recorder.ended(t, 1)
		if end.Reason != events.ReasonConnectFailed || !strings.Contains(end.Description, "db1: TLS: ") || !strings.Contains(end.Description, want) {
			t.Errorf("%+v", end)
		}
	}
}
