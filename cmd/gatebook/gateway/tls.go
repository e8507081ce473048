package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"

	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/postgres"
)

// ClientTLS ends a service's TLS at the gateway. The zero value offers none.
type ClientTLS struct {
	// Certificate and Key are paths of PEM files.
	Certificate, Key string
	// ClientCA is the path of a PEM file with the authorities of clients'
	// certificates. With it every client must have one, and so must use TLS.
	ClientCA string
	// Required refuses clients that do not use TLS. Cancel requests need none, because
	// clients send them without.
	Required bool
}

// demandsTLS reports whether only clients that use TLS are let in.
func (s Service) demandsTLS() bool {
	return s.endsTLS() && (s.TLS.Required || s.TLS.ClientCA != "" || s.Protocol == TCP)
}

// TLSMode is whether the gateway speaks TLS to a server.
type TLSMode string

// The modes.
const (
	// TLSOff speaks none. The empty mode is the same.
	TLSOff TLSMode = "off"
	// TLSPrefer speaks TLS if the server offers it. Without [Server.CA] the server's
	// certificate is not verified: that keeps listeners out, but not impostors.
	TLSPrefer TLSMode = "prefer"
	// TLSRequire speaks TLS, verifies the certificate, and uses no server without one.
	TLSRequire TLSMode = "require"
)

// credentials are with what handshakes of TLS are made. They do not change: a reload makes
// others.
type credentials struct {
	// services has the server's side of a handshake, by service. servers has the client's
	// side, by server. A service or server without TLS is in neither.
	services, servers map[string]*tls.Config
	// accounts has the account by which the gateway ends connections, by server.
	accounts map[string]login.Account
}

// checkTLS returns what is wrong with the parts of a configuration that are about TLS
// and the PROXY protocol.
func (c Config) checkTLS() error {
	var all []error
	for _, s := range c.Servers {
		protocol := c.protocolOf(s.Name)
		switch {
		case !slices.Contains([]TLSMode{"", TLSOff, TLSPrefer, TLSRequire}, s.TLS):
			all = append(all, fmt.Errorf("server %s: tls is %q, it can be %s, %s or %s", s.Name, s.TLS, TLSOff, TLSPrefer, TLSRequire))
		case s.TLS == TLSPrefer && protocol == string(TCP):
			all = append(all, fmt.Errorf("server %s: a server of plain TCP cannot tell whether it offers TLS; tls can be %s or %s", s.Name, TLSOff, TLSRequire))
		case !s.speaksTLS() && (s.CA != "" || s.ServerName != ""):
			all = append(all, fmt.Errorf("server %s: ca and server_name are of no use without tls", s.Name))
		}
		if s.ProxyProtocol && c.served(s.Name, Postgres) {
			all = append(all, fmt.Errorf("server %s: PostgreSQL does not know the PROXY protocol", s.Name))
		}
	}
	for _, s := range c.Services {
		if (s.TLS.Certificate == "") != (s.TLS.Key == "") {
			all = append(all, fmt.Errorf("service %s: tls needs both a certificate and a key", s.Name))
		}
		if s.TLS.ClientCA != "" && s.TLS.Certificate == "" {
			all = append(all, fmt.Errorf("service %s: tls has a client_ca but no certificate", s.Name))
		}
		if s.TLS.Required && s.TLS.Certificate == "" {
			all = append(all, fmt.Errorf("service %s: tls is required, but there is no certificate", s.Name))
		}
	}
	return errors.Join(all...)
}

// served reports whether a service of that protocol has the server.
func (c Config) served(server string, protocol Protocol) bool {
	return slices.ContainsFunc(c.Services, func(s Service) bool {
		return s.Protocol == protocol && slices.Contains(s.Servers, server)
	})
}

// endsTLS reports whether the service offers TLS to its clients.
func (s Service) endsTLS() bool { return s.TLS.Certificate != "" }

// speaksTLS reports whether the gateway speaks TLS to the server, at least if it can.
func (s Server) speaksTLS() bool { return s.TLS == TLSPrefer || s.TLS == TLSRequire }

// loadCredentials reads all files that the configuration names. An error lists those that
// cannot be read; what they are for then stays as it is in old.
func loadCredentials(c Config, old *credentials) (*credentials, error) {
	fresh := &credentials{services: make(map[string]*tls.Config), servers: make(map[string]*tls.Config), accounts: make(map[string]login.Account)}
	if old == nil {
		old = &credentials{}
	}
	var all []error
	for _, s := range c.Services {
		if !s.endsTLS() {
			continue
		}
		config, err := s.TLS.load()
		if err == nil && s.Protocol == Postgres {
			config.NextProtos = []string{postgres.DirectProtocol}
		}
		if err != nil {
			all = append(all, fmt.Errorf("service %s: %w", s.Name, err))
			config = old.services[s.Name]
		}
		fresh.services[s.Name] = config
	}
	for _, s := range c.Servers {
		if s.KillUser != "" {
			account, err := s.loadAccount()
			if err != nil {
				all = append(all, fmt.Errorf("server %s: %w", s.Name, err))
				account = old.accounts[s.Name]
			}
			fresh.accounts[s.Name] = account
		}
		if !s.speaksTLS() {
			continue
		}
		config, err := s.loadTLS()
		if err != nil {
			all = append(all, fmt.Errorf("server %s: %w", s.Name, err))
			config = old.servers[s.Name]
		}
		fresh.servers[s.Name] = config
	}
	return fresh, errors.Join(all...)
}

// load returns the service's side of a handshake with a client.
func (t ClientTLS) load() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return nil, fmt.Errorf("load certificate %s and key %s: %w", t.Certificate, t.Key, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		// The relay writes records of the full length.
		DynamicRecordSizingDisabled: true,
	}
	if t.ClientCA != "" {
		if config.ClientCAs, err = loadPool(t.ClientCA); err != nil {
			return nil, err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// loadTLS returns the gateway's side of a handshake with the server.
func (s Server) loadTLS() (*tls.Config, error) {
	host, _, err := s.split()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		ServerName:                  host,
		MinVersion:                  tls.VersionTLS12,
		DynamicRecordSizingDisabled: true,
		InsecureSkipVerify:          s.TLS == TLSPrefer && s.CA == "",
	}
	if s.ServerName != "" {
		config.ServerName = s.ServerName
	}
	if s.CA != "" {
		if config.RootCAs, err = loadPool(s.CA); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// loadPool returns the certificates of authorities in a file.
func loadPool(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("load authorities: %s holds no certificate in PEM", path)
	}
	return pool, nil
}

// CheckFiles reads the certificates, keys and authorities that the configuration
// names, as [Start] would, and returns what is wrong with them.
func (c Config) CheckFiles() error {
	_, err := loadCredentials(c, nil)
	return err
}
