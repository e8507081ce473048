package servertest

import (
	"net"
	"net/url"

	"github.com/go-sql-driver/mysql"
)

// Database is the empty database that every server has.
const Database = "shop"

// Login is an address, and a user with a password. A server's own Login is its
// administrator's; a copy with another Address goes through a gateway.
type Login struct {
	// Address is host:port; the host is an IP address.
	Address string
	// User and Password are sent as they are.
	User, Password string
	// Database is the one to select; empty selects none.
	Database string
}

// MySQL returns the data source name for the driver "mysql". It has no
// parameters, so that the caller can append "?tls=skip-verify".
func (l Login) MySQL() string {
	return l.mysqlConfig().FormatDSN()
}

// Postgres returns the URL for the driver "pgx" and for psql. It has no
// parameters, so that the caller can append "?sslmode=disable".
func (l Login) Postgres() string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(l.User, l.Password),
		Host:   l.Address,
		Path:   "/" + l.Database,
	}
	return u.String()
}

func (l Login) mysqlConfig() *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", l.Address
	c.User, c.Passwd, c.DBName = l.User, l.Password, l.Database
	return c
}

// hostPort returns the host and the port of the address. An address without a port is all
// host: the client that gets it reports the error.
func (l Login) hostPort() (host, port string) {
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return l.Address, ""
	}
	return host, port
}
