package gateway

import (
	"fmt"
	"slices"
)

// Warnings are what is allowed in a configuration and yet will surprise.
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

// warn tells what is surprising about the service's TLS beside that of a server.
func (s Service) warn(server Server) []string {
	at := fmt.Sprintf("service %s, server %s: ", s.Name, server.Name)
	switch {
	case s.Protocol == Postgres && s.endsTLS() && server.speaksTLS():
		return []string{at + "with TLS on both sides a SCRAM login succeeds only if the service has the server's own certificate and key, or the client says channel_binding=disable"}
	case s.Protocol == MySQL && s.endsTLS() != server.speaksTLS():
		return []string{at + "caching_sha2_password and sha256_password need TLS on both sides or on none"}
	}
	return nil
}
