package gateway

import (
	"crypto/tls"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// TestProxyThenTLS checks that a proxy's header comes before TLS, and that the record
// has both.
func TestProxyThenTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	r := start(t, TCP, Server{Address: newStubServer(t, echo).address()},
		Service{TLS: files(t, authority.Issue(t, "front")), AcceptProxyProtocol: loopback})
	client := r.dial()
	client.send(announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306"))
	secured := tls.Client(client.TCPConn, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	if err := secured.Handshake(); err != nil {
		t.Fatal(err)
	}
	opened := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionOpened))[0]
	if opened.Address != "192.0.2.7" || opened.Port != 4711 || !strings.HasPrefix(opened.TLS, "TLS 1.3 ") {
		t.Errorf("opened %+v", opened)
	}
}
