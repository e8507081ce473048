package gateway_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
)

// servers are the real ones that the tests of this package share. Each is started
// by the first test that wants it.
var servers struct {
	first, second, postgres shared
}

// shared is a server that is started once and lives until all tests are over.
type shared struct {
	once   sync.Once
	server *servertest.Server
	err    error
}

// get returns the server, which it prepares when it starts it.
func (s *shared) get(t testing.TB, start func(...servertest.Option) (*servertest.Server, error), prepare func(*servertest.Server) error) *servertest.Server {
	t.Helper()
	s.once.Do(func() {
		if s.server, s.err = start(servertest.WithArgs()); s.err == nil {
			s.err = prepare(s.server)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// close stops the server if it was started.
func (s *shared) close() error {
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// tests are those of the package, and the end of the servers they share.
type tests struct{ *testing.M }

func (m tests) Run() int {
	code := m.M.Run()
	err := errors.Join(servers.first.close(), servers.second.close(), servers.postgres.close(), gateway.CloseSharedServers())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }
