//go:build soak

package main_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
)

// tappedGateway is a gateway in front of a server, with a tap on both sides.
type tappedGateway struct {
	*program
	server *servertest.Server
	log    serverLog
	taps   tappedPair
}

// newTappedGateway starts a gateway in front of a server. own is its certificate, nil for none.
func newTappedGateway(t *testing.T, protocol string, server *servertest.Server, log serverLog, own *certtest.Pair) *tappedGateway {
	t.Helper()
	log.sessions(t) // what came before is no matter
	g := &tappedGateway{server: server, log: log, taps: tappedPair{back: newTap(t, server.Address, false), connectionOf: mariadbConnection}}
	if protocol == "postgres" {
		g.taps.connectionOf = postgresConnection
	}
	folder := t.TempDir()
	config := filepath.Join(folder, "gatebook.toml")
	service, backend := "", ""
	if protocol == "mysql" {
		service = "compression = true\n" // for those that ask
	}
	if own != nil {
		certtest.WriteFile(t, folder, "front.pem", own.Certificate)
		certtest.WriteFile(t, folder, "front.key", own.Key)
		service, backend = service+"tls = { certificate = 'front.pem', key = 'front.key' }\n", "tls = 'prefer'\n"
	}
	text := fmt.Sprintf("record_admin = false\n[services.front]\nprotocol = %q\nlisten = ['127.0.0.1:0']\nservers = ['db-1']\n"+
		"connect_timeout = '30s'\nlogin_timeout = '60s'\n%s[servers.db-1]\naddress = %q\n%s", protocol, service, g.taps.back.address, backend)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g.program = serve(t, "--config", config, "--data", filepath.Join(folder, "data"))
	g.taps.front = newTap(t, g.services["front"], true)
	return g
}

// compareBook compares the book with the server's own log and with the taps, when the clients have
// gone, and stops the program.
func (g *tappedGateway) compareBook(t *testing.T) {
	t.Helper()
	eventually(t, "no session is left", func() bool { return len(g.program.sessions("live")) == 0 })
	awaitNoClients(t, g.server)
	sessions, known, ports := recordedSessions(t, g.program), g.log.sessions(t), make(map[int]bool)
	for _, c := range g.taps.back.connections() {
		ports[c.port] = true
	}
	maps.DeleteFunc(known, func(_ uint64, s *serverSession) bool { return s.port != 0 && !ports[s.port] })
	compareLogins(t, g.program, sessions, known)
	resets := compareBytes(t, g.taps, sessions)
	compareEnds(t, g.program, sessions, known, resets)
	if status := g.program.stop(); status != 0 {
		t.Errorf("the program ended with %d: %s", status, g.program.stderr)
	}
}
