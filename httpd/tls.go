package httpd

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"gatebook/httpd/clients"
)

// Certificate is the API's certificate with its key, from two PEM files. Its methods are safe
// for concurrent use.
type Certificate struct {
	certificate, key string
	current          atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads a certificate and its key.
func LoadCertificate(certificate, key string) (*Certificate, error) {
	c := &Certificate{certificate: certificate, key: key}
	return c, c.Reload()
}

// Reload reads the files again, for connections that are accepted later. If that fails, the
// old certificate stays in effect.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certificate, c.key, err)
	}
	c.current.Store(&pair)
	return nil
}

// config returns the configuration of TLS. Only HTTP/1.1 is offered: a connection is recorded
// as a session, with one request at a time, and a kill ends it between two answers.
func (c *Certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Of TLS 1.2 those suites alone that authenticate what they encrypt: none with CBC.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// newSecurity returns how TLS is spoken with a configuration, nil for plain HTTP.
func newSecurity(c Config) *clients.Security {
	if c.Certificate == nil {
		return nil
	}
	return &clients.Security{
		Config: c.Certificate.config(), HandshakeTime: c.Limits.HeaderTime,
		Failed: func(remote net.Addr, err error) {
			c.Logger.Warn().Err(err).Stringer("remote", remote).Msg("TLS handshake failed")
		},
	}
}
