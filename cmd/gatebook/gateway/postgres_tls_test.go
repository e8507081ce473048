package gateway

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

const sslInUse = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

// TestPostgresTLS checks TLS on either side, on both and on none, with real clients.
// With TLS on both sides and different certificates only a client that does without
// channel binding gets in; the others get the reason.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	authority, own := shared.keys(t)
	another, server := authority.Issue(t, "front"), shared.postgreSQL(t)
	to := jdoe(server)
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", authority.Certificate)
	config := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
	for name, test := range map[string]struct {
		backend Server
		front   certtest.Pair
	}{
		"off":                       {Server{TLS: TLSOff}, another},
		"prefer":                    {Server{TLS: TLSPrefer}, another},
		"require":                   {Server{TLS: TLSRequire, CA: ca}, another},
		"require, same certificate": {Server{TLS: TLSRequire, CA: ca}, own},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.backend.Address = server.Address
			r := start(t, Postgres, test.backend, Service{TLS: files(t, test.front)})
			to := r.throughFront(to)
			secured := test.backend.speaksTLS()
			want := map[bool]string{true: "true", false: "false"}[secured]
			if got := query(t, openPostgres(t, to, nil, ""), sslInUse); got != want {
				t.Errorf("without TLS to the client, the server says %q", got)
			}
			wantSecured(t, r, 1, false, "")
			if got := query(t, openPostgres(t, to, config, "&channel_binding=disable"), sslInUse); got != want {
				t.Errorf("with TLS to the client, the server says %q", got)
			}
			wantSecured(t, r, 2, true, "")
			for id, mode := range []string{"disable", "require"} {
				to := to
				to.Database = "dbname=shop channel_binding=disable sslmode=" + mode
				got := servertest.RunPsql(t, to, sslInUse)
				if strings.TrimSpace(got.Stdout) != want {
					t.Errorf("psql with sslmode=%s: %+v", mode, got)
				}
				wantSecured(t, r, uint64(3+id), mode == "require", "")
			}
			binding := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
			db := openPostgres(t, to, binding, "&channel_binding=prefer")
			to.Database = "dbname=shop sslmode=require"
			psql := servertest.RunPsql(t, to, sslInUse)
			if secured && string(test.front.Certificate) != string(own.Certificate) {
				wantFailure(t, db, "channel binding cannot pass")
				if psql.Code == 0 || !strings.Contains(psql.Stderr, "channel_binding=disable") {
					t.Errorf("psql: %+v", psql)
				}
				if end := r.recorder.ended(t, 5); end.Reason != events.ReasonAuthFailed || !strings.HasPrefix(end.Description, "SCRAM channel binding cannot pass through the gateway") {
					t.Errorf("ended as %+v", end)
				}
				return
			}
			if err := db.PingContext(t.Context()); err != nil {
				t.Errorf("with binding: %v", err)
			}
			if psql.Code != 0 {
				t.Errorf("psql with binding: %+v", psql)
			}
		})
	}
}

// TestPostgresServerTLS checks that a server whose TLS cannot be used counts as one
// that has not answered.
func TestPostgresServerTLS(t *testing.T) {
	t.Parallel()
	other, server := certtest.NewAuthority(t, "other"), shared.postgreSQL(t)
	plain := newStubServer(t, func(p peer) {
		p.startup()
		p.send([]byte("N"))
		pgServer(p)
	})
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", other.Certificate)
	for want, backend := range map[string]Server{
		"certificate signed by unknown authority": {Address: server.Address, TLS: TLSRequire, CA: ca},
		"the server offers no TLS":                {Address: plain.address(), TLS: TLSRequire, CA: ca},
	} {
		r := start(t, Postgres, backend, Service{})
		wantFailure(t, openPostgres(t, r.throughFront(server.Login), nil, ""), "08001")
		end := r.recorder.ended(t, 1)
		failed := find[*events.ConnectionFailed](r.recorder.await(t, 1, events.KindSessionClosed))
		if end.Reason != events.ReasonConnectFailed || len(failed) != 1 || !strings.Contains(failed[0].Cause, want) {
			t.Errorf("%+v, %+v", end, failed)
		}
	}
	r := start(t, Postgres, Server{Address: plain.address(), TLS: TLSPrefer}, Service{})
	client := r.dial()
	client.send(pgLogin())
	client.want(pgWelcome())
}

// TestPostgresInjection checks that what comes with the request for TLS, unencrypted,
// is not taken for what comes through it.
func TestPostgresInjection(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	r := start(t, Postgres, Server{Address: deadAddress(t)}, Service{TLS: files(t, authority.Issue(t, "front"))})
	client := r.dial()
	client.send(append(pgStartup(pgTLS, ""), pgLogin()...))
	wantPostgresError(client, "08P01")
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonAuthFailed || !strings.Contains(end.Description, "unencrypted") {
		t.Errorf("ended as %+v", end)
	}
}

// TestPostgresCancelThroughTLS checks that a query of a client with TLS is cancelled,
// also by a request without TLS, as clients send it.
func TestPostgresCancelThroughTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	front := files(t, authority.Issue(t, "front"))
	r := start(t, Postgres, Server{Address: newStubServer(t, func(p peer) {
		first := p.startup()
		if startup, err := postgres.ParseStartup(first); err != nil || startup.Request == postgres.RequestCancel {
			return
		}
		p.send([]byte(pgWelcome()))
		echo(p)
	}).address()}, Service{TLS: front})
	client := r.dial()
	client.send(pgStartup(pgTLS, ""))
	client.want("S")
	secured := tls.Client(client.TCPConn, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	if _, err := secured.Write(pgLogin()); err != nil {
		t.Fatal(err)
	}
	welcome := make([]byte, len(pgWelcome()))
	if _, err := io.ReadFull(secured, welcome); err != nil {
		t.Fatal(err)
	}
	canceller := r.dial()
	canceller.send(pgStartup(pgCancel, pgKey))
	canceller.wantEnd()
	canceller.Close()
	if e := find[*events.SessionOpened](r.recorder.await(t, 2, events.KindSessionClosed))[0]; e.Type != events.TypeCancel || e.TLS != "" {
		t.Errorf("opened: %+v", e)
	}
}
