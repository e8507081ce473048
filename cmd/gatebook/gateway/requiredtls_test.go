package gateway

import (
	"crypto/tls"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestRequiredTLS checks with real servers and clients that a client without TLS does not pass the
// server's rule for TLS because the gateway speaks it, and that one with TLS passes.
func TestRequiredTLS(t *testing.T) {
	t.Parallel()
	authority, own := shared.keys(t)
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", authority.Certificate)
	config := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
	front := files(t, own)
	front.Required = true
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := shared.postgreSQL(t)
		r := start(t, Postgres, Server{Address: server.Address, TLS: TLSRequire, CA: ca}, Service{TLS: front})
		to := r.throughFront(jdoe(server))
		wantFailure(t, openPostgres(t, to, nil, ""), "SQLSTATE 28000")
		end := r.recorder.ended(t, 1)
		if end.Reason != events.ReasonAuthFailed || end.User != "jdoe" || !strings.Contains(end.Description, "only clients that use TLS") {
			t.Errorf("ended %+v", end)
		}
		plain := to
		plain.Database = "dbname=shop sslmode=disable"
		if got := servertest.RunPsql(t, plain, "SELECT 1"); got.Code == 0 || !strings.Contains(got.Stderr, "only clients that use TLS") {
			t.Errorf("psql: %+v", got)
		}
		if got := query(t, openPostgres(t, to, config, ""), sslInUse); got != "true" {
			t.Errorf("with TLS, the server says %q", got)
		}
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		server := shared.mariaDB(t)
		r := start(t, MySQL, Server{Address: server.Address, TLS: TLSRequire, CA: ca}, Service{TLS: front})
		to := r.throughFront(jdoe(server))
		wantFailure(t, openMySQL(t, to, nil), "Error 3159")
		end := r.recorder.ended(t, 1)
		if end.Reason != events.ReasonAuthFailed || end.User != "jdoe" || !strings.Contains(end.Description, "only clients that use TLS") {
			t.Errorf("ended %+v", end)
		}
		if got := query(t, openMySQL(t, to, config), "SELECT 1"); got != "1" {
			t.Errorf("with TLS: %q", got)
		}
	})
}

// TestRequiredTLSOfCancel checks that a request to cancel is let in without TLS, as clients send it.
func TestRequiredTLSOfCancel(t *testing.T) {
	t.Parallel()
	front := files(t, certtest.NewAuthority(t, "authority").Issue(t, "front"))
	front.Required = true
	r := start(t, Postgres, Server{Address: newStubServer(t, pgServer).address()}, Service{TLS: front})
	canceller := r.dial()
	canceller.send(pgStartup(pgCancel, pgKey))
	canceller.wantEnd()
	if e := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionClosed))[0]; e.Type != events.TypeCancel {
		t.Errorf("opened: %+v", e)
	}
	if end := r.recorder.ended(t, 1); !strings.Contains(end.Description, "belongs to no session") {
		t.Errorf("ended %+v", end)
	}
}

// TestReloadRequiredTLS checks that a reload changes whether clients must use TLS.
func TestReloadRequiredTLS(t *testing.T) {
	t.Parallel()
	front := files(t, certtest.NewAuthority(t, "authority").Issue(t, "front"))
	r := start(t, Postgres, Server{Address: newStubServer(t, pgServer).address()}, Service{TLS: front})
	r.logIn(r.dial())
	fresh := r.config
	fresh.Services = append([]Service{}, fresh.Services...)
	fresh.Services[0].TLS.Required = true
	if changes, later, err := r.Reload(t.Context(), fresh); err != nil || len(later) > 0 || len(changes) != 1 {
		t.Errorf("changed %q, later %q, %v", changes, later, err)
	}
	client := r.dial()
	client.send(pgLogin())
	wantPostgresError(client, "28000")
}
