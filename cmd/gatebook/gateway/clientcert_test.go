package gateway

import (
	"context"
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// insists is why a client without TLS is not let in.
const insists = "the service lets in only clients with a certificate, over TLS"

// TestClientCertificate checks that a service with authorities lets in only clients
// with a certificate of theirs, and that its subject is on the record.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	authority, other := certtest.NewAuthority(t, "authority"), certtest.NewAuthority(t, "other")
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", authority.Certificate)
	for protocol, server := range map[Protocol]*servertest.Server{MySQL: shared.mariaDB(t), Postgres: shared.postgreSQL(t)} {
		front := files(t, authority.Issue(t, "front"))
		front.ClientCA = ca
		r := start(t, protocol, Server{Address: server.Address}, Service{TLS: front})
		to := r.throughFront(server.Login)
		ping := func(config *tls.Config) error {
			if protocol == MySQL {
				return openMySQL(t, to, config).PingContext(t.Context())
			}
			return openPostgres(t, to, config, "").PingContext(t.Context())
		}
		config := tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
		with := config.Clone()
		with.Certificates = []tls.Certificate{authority.Issue(t, "jdoe").TLS(t)}
		if err := ping(with); err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
		wantSecured(t, r, 1, true, "CN=jdoe,O=Test")
		foreign := config.Clone()
		certificate := other.Issue(t, "mallory").TLS(t)
		foreign.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
		for _, refused := range []struct {
			config *tls.Config
			want   string
		}{
			{&config, "TLS: client didn't provide a certificate"},
			{foreign, "TLS: failed to verify certificate: x509: certificate signed by unknown authority"},
			{nil, insists},
		} {
			if err := ping(refused.config); err == nil || refused.config == nil && !strings.Contains(err.Error(), insists) {
				t.Errorf("%s: %s: got %v", protocol, refused.want, err)
			}
			if end := r.recorder.endedWith(t, refused.want); end.Reason != events.ReasonAuthFailed {
				t.Errorf("%s: ended as %+v", protocol, end)
			}
		}
	}
}

// TestClientDistrusts checks that the record has the reason when a client hangs up
// because it does not know the authority of the service.
func TestClientDistrusts(t *testing.T) {
	t.Parallel()
	authority, other := certtest.NewAuthority(t, "authority"), certtest.NewAuthority(t, "other")
	r := start(t, MySQL, Server{Address: newStubServer(t, mysqlServer).address()}, Service{TLS: files(t, authority.Issue(t, "front"))})
	to := r.throughFront(servertest.Login{User: "jdoe"})
	wantFailure(t, openMySQL(t, to, &tls.Config{RootCAs: other.Pool(), ServerName: "localhost"}), "unknown authority")
	end := r.recorder.ended(t, 1)
	if end.Reason != events.ReasonAuthFailed || !strings.HasPrefix(end.Description, "TLS: ") {
		t.Errorf("ended as %+v", end)
	}
}

// TestReloadCertificates checks that established sessions go on, that new ones get the
// new certificate, and that invalid files change nothing.
func TestReloadCertificates(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	front := files(t, authority.Issue(t, "old"))
	r := start(t, TCP, Server{Address: newStubServer(t, echo).address()}, Service{TLS: front})
	connect := func(name string) *tls.Conn {
		t.Helper()
		client := tls.Client(r.dial(), &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := client.ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
			t.Errorf("served %q, want %q", got, name)
		}
		return client
	}
	echoes := func(client *tls.Conn) {
		t.Helper()
		b := []byte("still here")
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(b); err != nil || string(b) != "still here" {
			t.Errorf("got %q, %v", b, err)
		}
	}
	before := connect("old")
	echoes(before)
	fresh := authority.Issue(t, "new")
	for path, content := range map[string][]byte{front.Certificate: fresh.Certificate, front.Key: []byte("no key")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.ReloadCertificates(); err == nil || !strings.Contains(err.Error(), "service front: load certificate ") {
		t.Errorf("reload: %v", err)
	}
	echoes(connect("old"))
	if err := os.WriteFile(front.Key, fresh.Key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.ReloadCertificates(); err != nil {
		t.Errorf("reload: %v", err)
	}
	echoes(connect("new"))
	echoes(before)
	if services, servers := r.Secured(); services != 1 || servers != 0 {
		t.Errorf("%d services and %d servers with TLS", services, servers)
	}
	if opened := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionReady))[0]; !strings.HasPrefix(opened.TLS, "TLS 1.3 ") {
		t.Errorf("opened: %+v", opened)
	}
}

// endedWith waits until a session has ended whose description holds the text. Some
// clients try more than once.
func (b *recorderStub) endedWith(t testing.TB, text string) *events.SessionClosed {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	stop := context.AfterFunc(t.Context(), b.changed.Broadcast)
	defer stop()
	timer := time.AfterFunc(patienceOfTests, b.changed.Broadcast)
	defer timer.Stop()
	for begun := time.Now(); ; b.changed.Wait() {
		for _, list := range b.sessions {
			for _, end := range find[*events.SessionClosed](list) {
				if strings.Contains(end.Description, text) {
					return end
				}
			}
		}
		if t.Context().Err() != nil || time.Since(begun) >= patienceOfTests {
			t.Fatalf("no session ended with %q", text)
		}
	}
}
