package gateway

import (
	"errors"
	"sync"
	"testing"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
)

// shared are the real servers that the tests share: started by the first that asks,
// stopped when all are done.
var shared servers

// servers are a MariaDB and a PostgreSQL, both with TLS and a user jdoe. MariaDB
// takes the PROXY protocol.
type servers struct {
	// mu guards the rest.
	mu        sync.Mutex
	authority *certtest.Authority
	own       certtest.Pair // of both servers
	maria     *servertest.Server
	postgres  *servertest.Server
}

// keys returns the authority of the servers, and their certificate.
func (s *servers) keys(t testing.TB) (*certtest.Authority, certtest.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.authority == nil {
		s.authority = certtest.NewAuthority(t, "authority")
		s.own = s.authority.Issue(t, "db1")
	}
	return s.authority, s.own
}

func (s *servers) mariaDB(t testing.TB) *servertest.Server {
	t.Helper()
	return s.get(t, &s.maria, servertest.NewMariaDB, servertest.WithArgs("--proxy-protocol-networks=127.0.0.0/8"))
}

func (s *servers) postgreSQL(t testing.TB) *servertest.Server {
	t.Helper()
	return s.get(t, &s.postgres, servertest.NewPostgres)
}

func (s *servers) get(t testing.TB, at **servertest.Server, start func(...servertest.Option) (*servertest.Server, error), options ...servertest.Option) *servertest.Server {
	t.Helper()
	_, own := s.keys(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if *at != nil {
		return *at
	}
	server, err := start(append(options, servertest.WithTLS(own.Certificate, own.Key))...)
	if err != nil {
		t.Fatal(err)
	}
	*at = server
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	return server
}

// jdoe returns the login of a user of the server's.
func jdoe(server *servertest.Server) servertest.Login {
	l := server.Login
	l.User, l.Password = "jdoe", "secret"
	return l
}

// CloseSharedServers stops the servers that the tests of this package share. TestMain
// calls it before it looks for goroutines that were left behind.
func CloseSharedServers() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	var all []error
	for _, server := range []*servertest.Server{shared.maria, shared.postgres} {
		if server != nil {
			all = append(all, server.Close())
		}
	}
	return errors.Join(all...)
}
