package gateway

import (
	"crypto/tls"
	"slices"

	"gatebook/cmd/gatebook/gateway/login"
)

// Protocol names what a service's clients and servers speak.
type Protocol string

// The protocols.
const (
	// MySQL is that of MySQL and MariaDB.
	MySQL Protocol = "mysql"
	// Postgres is PostgreSQL's, version 3.
	Postgres Protocol = "postgres"
	// TCP has no login that the gateway could see.
	TCP Protocol = "tcp"
)

// Protocols returns the protocols that a service can speak.
func Protocols() []Protocol { return []Protocol{MySQL, Postgres, TCP} }

// known reports whether a service can speak the protocol.
func (p Protocol) known() bool { return slices.Contains(Protocols(), p) }

// protocolOf returns what lets the clients of a service in.
func (all *sessions) protocolOf(s Service) login.Protocol {
	common := login.Service{
		Name: s.Name, LoginTimeout: s.LoginTimeout,
		ClientCertificates: s.TLS.ClientCA != "", TLSRequired: s.TLS.Required, Buffers: &all.buffers,
	}
	if s.endsTLS() {
		common.TLS = func() *tls.Config { return all.credentials.Load().services[s.Name] }
	}
	switch s.Protocol {
	case MySQL:
		return &login.MySQL{Service: common, Compression: s.Compression}
	case Postgres:
		return &login.Postgres{Service: common}
	default:
		return &login.TCP{Service: common}
	}
}
