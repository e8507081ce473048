package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gatebook/cmd/gatebook/gateway"
)

// checkServerTLS returns what is wrong with the TLS and the PROXY protocol of a server.
func (f *File) checkServerTLS(name string, s Server) error {
	at := "servers." + name
	all := []error{oneOf(at+".tls", s.TLS, "off", "prefer", "require")}
	if s.TLS == "" || s.TLS == "off" {
		if s.CA != "" {
			all = append(all, fmt.Errorf("%s.ca is of no use without TLS; write tls = \"require\"", at))
		}
		if s.ServerName != "" {
			all = append(all, fmt.Errorf("%s.server_name is of no use without TLS; write tls = \"require\"", at))
		}
	}
	for _, service := range slices.Sorted(maps.Keys(f.Services)) {
		v := f.Services[service]
		if !slices.Contains(v.Servers, name) {
			continue
		}
		if s.ProxyProtocol && v.Protocol == string(gateway.Postgres) {
			all = append(all, fmt.Errorf("%s.proxy_protocol: PostgreSQL does not know the PROXY protocol, and services.%s speaks postgres with it", at, service))
		}
		if s.TLS == "prefer" && v.Protocol == string(gateway.TCP) {
			all = append(all, fmt.Errorf("%s.tls is \"prefer\", but over plain TCP, which services.%s speaks with it, a server cannot tell whether it has TLS; it can be off, require", at, service))
		}
	}
	return errors.Join(all...)
}

// checkClientTLS returns what is wrong with the TLS of a service.
func checkClientTLS(at string, t *ClientTLS) error {
	if t == nil {
		return nil
	}
	return checkPair(at, "service", t.Certificate, t.Key)
}

// checkPair returns an error where a certificate or its key is missing.
func checkPair(at, example, certificate, key string) error {
	switch {
	case certificate == "":
		return fmt.Errorf("%s has no certificate; write certificate = \"%s.pem\"", at, example)
	case key == "":
		return fmt.Errorf("%s has no key; write key = \"%s.key\"", at, example)
	}
	return nil
}

// clientTLS returns with what the gateway ends clients' TLS.
func (s Service) clientTLS() gateway.ClientTLS {
	if s.TLS == nil {
		return gateway.ClientTLS{}
	}
	return gateway.ClientTLS{Certificate: s.TLS.Certificate, Key: s.TLS.Key, ClientCA: s.TLS.ClientCA, Required: s.TLS.Required}
}
