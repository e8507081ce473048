package gateway

import (
	"crypto/tls"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// TestPostgresDirect checks that a client which begins with TLS, as those of PostgreSQL
// 17 may, is let in, and so is one that asks first.
func TestPostgresDirect(t *testing.T) {
	t.Parallel()
	authority, _ := shared.keys(t)
	server := shared.postgreSQL(t)
	r := start(t, Postgres, Server{Address: server.Address, TLS: TLSOff}, Service{TLS: files(t, authority.Issue(t, "front"))})
	to := r.throughFront(jdoe(server))
	direct := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", NextProtos: []string{postgres.DirectProtocol}}
	if got := query(t, openPostgres(t, to, direct, "&sslnegotiation=direct"), "SELECT 'here'"); got != "here" {
		t.Errorf("got %q", got)
	}
	wantSecured(t, r, 1, true, "")
	if got := query(t, openPostgres(t, to, direct, ""), "SELECT 'here'"); got != "here" {
		t.Errorf("got %q", got)
	}
	wantSecured(t, r, 2, true, "")
}

// TestPostgresDirectRefused checks that such a client gets an alert of TLS where the
// service has no certificate, and that one which names another protocol is not let in.
func TestPostgresDirectRefused(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	for name, test := range map[string]struct {
		service   Service
		protocols []string
		fails     string
		described string
	}{
		"no certificate":   {Service{}, []string{postgres.DirectProtocol}, "handshake failure", "sslnegotiation=direct"},
		"another protocol": {Service{TLS: files(t, authority.Issue(t, "front"))}, []string{"h2"}, "no application protocol", "TLS: "},
		"no protocol":      {Service{TLS: files(t, authority.Issue(t, "front"))}, nil, "", "does not name protocol postgresql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Postgres, Server{Address: deadAddress(t)}, test.service)
			conn := tls.Client(r.dial().TCPConn, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", NextProtos: test.protocols})
			defer conn.Close()
			err := conn.Handshake()
			if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("the handshake ended with %v", err)
			}
			if test.fails == "" {
				said := make([]byte, 200)
				if n, err := conn.Read(said); err != nil || !strings.Contains(string(said[:n]), "08P01") {
					t.Errorf("got %q, %v", said[:n], err)
				}
			}
			conn.Close()
			if end := r.recorder.ended(t, 1); end.Reason != events.ReasonAuthFailed || !strings.Contains(end.Description, test.described) {
				t.Errorf("ended as %+v", end)
			}
		})
	}
}
