package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Router is how a service chooses among its servers.
type Router string

// The routers. All of them skip servers that do not answer.
const (
	// RoundRobin takes the servers in turn.
	RoundRobin Router = "roundrobin"
	// LeastConnections takes the server with the fewest connections of this
	// gateway, and of several in turn.
	LeastConnections Router = "leastconn"
	// Priority takes the first server in the order given that answers.
	Priority Router = "priority"
)

// Recording is what comes first when a session cannot be recorded: the record or the
// traffic.
type Recording string

// The ways to record.
const (
	// RecordStrict refuses a session that cannot be recorded.
	RecordStrict Recording = "strict"
	// RecordBestEffort lets such a session go on, and records how many there were.
	RecordBestEffort Recording = "best_effort"
)

// The defaults of a service.
const (
	DefaultConnectTimeout     = 5 * time.Second
	DefaultLoginTimeout       = 10 * time.Second
	DefaultStallTimeout       = 15 * time.Minute
	DefaultHighWater          = 65536
	DefaultLowWater           = 1024
	DefaultStatisticsInterval = time.Second
)

// Config is the configuration of a gateway.
type Config struct {
	Servers  []Server
	Services []Service
	// StatisticsInterval is how often counters are observed; 0 is the default.
	StatisticsInterval time.Duration
	// Record is RecordStrict when it is empty.
	Record Recording
}

// Server is a backend.
type Server struct {
	Name string
	// Address is its host and port.
	Address string
	// Drain: the server gets no new sessions.
	Drain bool
	// TLS is whether the gateway speaks TLS to the server.
	TLS TLSMode
	// CA is the path of a PEM file with the authorities of the server's certificate; ""
	// stands for those of the system. ServerName is the name in that certificate; ""
	// stands for the host of the address.
	CA, ServerName string
	// ProxyProtocol sends the server the client's address before anything else.
	ProxyProtocol bool
	// KillUser is the user by which the gateway ends the connections of killed sessions of
	// MySQL; "" stands for none. KillPasswordFile is the path of a file with its password.
	KillUser, KillPasswordFile string
}

// Service is what clients connect to.
type Service struct {
	Name     string
	Protocol Protocol
	// Listen are the addresses to listen on. Port 0 is any that is free.
	Listen []string
	// Servers are names out of [Config.Servers].
	Servers []string
	// Router is RoundRobin, also when it is empty.
	Router Router
	// MaxSessions is how many sessions there may be at a time; 0 is any number.
	MaxSessions int
	// IdleTimeout ends a session on which nothing has moved for so long; 0 ends none. A
	// session whose server has yet to answer is in use, where the protocol shows that.
	IdleTimeout time.Duration
	// StallTimeout ends a session one side of which takes nothing for so long of what the
	// other has sent; 0 is the default.
	StallTimeout time.Duration
	// CancelAbandoned gives up what a server still does for a session whose client has gone.
	CancelAbandoned bool
	// Probes are networks whose connections are counted instead of recorded when
	// they end before their login begins.
	Probes []netip.Prefix
	// Compression lets clients of MySQL compress, by zlib.
	Compression bool
	// ConnectTimeout limits each attempt to reach a server, LoginTimeout the time
	// a client and a server take to agree on a login. 0 is the default.
	ConnectTimeout, LoginTimeout time.Duration
	// HighWater and LowWater are the marks of each direction's queue, in bytes.
	// With a high mark of 0, which is no default, nothing is queued.
	HighWater, LowWater int
	// TLS ends clients' TLS.
	TLS ClientTLS
	// AcceptProxyProtocol are the networks of proxies. Each connection from there begins
	// with a header of the PROXY protocol, which has the client's address. A header from
	// elsewhere is part of what the client sends.
	AcceptProxyProtocol []netip.Prefix
}

// withDefaults returns the configuration with its defaults filled in. An error lists what is
// wrong with it.
func (c Config) withDefaults() (Config, error) {
	c.StatisticsInterval = positive(c.StatisticsInterval, DefaultStatisticsInterval)
	var all []error
	if c.Record != "" && c.Record != RecordStrict && c.Record != RecordBestEffort {
		all = append(all, fmt.Errorf("record is %q, it can be %q or %q", c.Record, RecordStrict, RecordBestEffort))
	}
	known := make(map[string]bool)
	for _, server := range c.Servers {
		known[server.Name] = true
		_, _, err := server.split()
		if err := cmp.Or(err, c.checkAccount(server)); err != nil {
			all = append(all, fmt.Errorf("server %s: %w", server.Name, err))
		}
	}
	services := make([]Service, 0, len(c.Services))
	for _, service := range c.Services {
		service, err := service.withDefaults(known)
		if err != nil {
			all = append(all, fmt.Errorf("service %s: %w", service.Name, err))
		}
		services = append(services, service)
	}
	c.Services = services
	return c, errors.Join(append(all, c.checkTLS())...)
}

// withDefaults returns the service with its defaults filled in. known are the names of
// servers.
func (s Service) withDefaults(known map[string]bool) (Service, error) {
	s.ConnectTimeout = positive(s.ConnectTimeout, DefaultConnectTimeout)
	s.LoginTimeout = positive(s.LoginTimeout, DefaultLoginTimeout)
	s.StallTimeout = positive(s.StallTimeout, DefaultStallTimeout)
	if s.Router == "" {
		s.Router = RoundRobin
	}
	switch {
	case !s.Protocol.known():
		return s, fmt.Errorf("protocol is %q, it can be one of %s", s.Protocol, Protocols())
	case s.Router != RoundRobin && s.Router != LeastConnections && s.Router != Priority:
		return s, fmt.Errorf("router is %q, it can be %s, %s or %s", s.Router, RoundRobin, LeastConnections, Priority)
	case s.MaxSessions < 0:
		return s, fmt.Errorf("the limit of sessions is %d, it cannot be negative", s.MaxSessions)
	case len(s.Servers) == 0:
		return s, errors.New("it has no servers")
	case s.HighWater < 0 || s.LowWater < 0 || s.HighWater > 0 && s.HighWater <= s.LowWater:
		return s, fmt.Errorf("high water mark %d must exceed low water mark %d, or be 0", s.HighWater, s.LowWater)
	}
	for _, name := range s.Servers {
		if !known[name] {
			return s, fmt.Errorf("there is no server %q", name)
		}
	}
	return s, nil
}

// split returns the server's host and port.
func (s Server) split() (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(s.Address)
	if err != nil {
		return "", 0, fmt.Errorf("read address: %w", err)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %s has no numeric port", s.Address)
	}
	return host, uint16(number), nil
}

// positive returns d, or other if d is not positive.
func positive(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

// protocolOf returns the protocol of the first service that has the server.
func (c Config) protocolOf(server string) string {
	for _, service := range c.Services {
		if slices.Contains(service.Servers, server) {
			return string(service.Protocol)
		}
	}
	return ""
}

// Warnings returns what is allowed in a configuration and will probably surprise.
func (c Config) Warnings() []string {
	var all []string
	for _, service := range c.Services {
		open := false
		for _, server := range c.Servers {
			if !slices.Contains(service.Servers, server.Name) {
				continue
			}
			open = open || !server.Drain
			all = append(all, service.warn(server)...)
		}
		if !open {
			all = append(all, fmt.Sprintf("service %s: all its servers are drained, so it lets nobody in", service.Name))
		}
	}
	return all
}

// warn returns what will surprise about the service's clients and a server.
func (s Service) warn(server Server) []string {
	at := fmt.Sprintf("service %s, server %s: ", s.Name, server.Name)
	var all []string
	switch {
	case s.Protocol == Postgres && s.endsTLS() && server.speaksTLS():
		all = append(all, at+"with TLS on both sides a SCRAM login succeeds only if the service has the server's own certificate and key, or the client says channel_binding=disable")
	case s.Protocol == MySQL && s.endsTLS() != server.speaksTLS():
		all = append(all, at+"caching_sha2_password and sha256_password need TLS on both sides or on none")
	}
	if s.Protocol == MySQL && s.CancelAbandoned && server.KillUser == "" {
		all = append(all, at+"cancel_abandoned does nothing without kill_user")
	}
	if server.speaksTLS() && !s.demandsTLS() {
		all = append(all, at+"a client without TLS passes what the server demands of TLS ("+s.Protocol.rules()+"), because the gateway speaks TLS to it; "+
			"write required = true, with a certificate and its key, in [services."+s.Name+".tls]")
	}
	return all
}

// rules returns the name of a server's rules about TLS.
func (p Protocol) rules() string {
	switch p {
	case MySQL:
		return "REQUIRE SSL"
	case Postgres:
		return "hostssl"
	default:
		return "its own rules"
	}
}
