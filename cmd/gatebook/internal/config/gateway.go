package config

import (
	"maps"
	"slices"

	"gatebook/cmd/gatebook/gateway"
)

// Gateway returns the configuration of the gateway, in ascending order of names.
func (f *File) Gateway() gateway.Config {
	c := gateway.Config{
		StatisticsInterval: f.StatisticsInterval.Or(gateway.DefaultStatisticsInterval),
		Record:             gateway.Recording(f.Record),
	}
	for _, name := range slices.Sorted(maps.Keys(f.Servers)) {
		s := f.Servers[name]
		c.Servers = append(c.Servers, gateway.Server{
			Name: name, Address: s.Address, Drain: s.Drain,
			TLS: gateway.TLSMode(s.TLS), CA: s.CA, ServerName: s.ServerName, ProxyProtocol: s.ProxyProtocol,
			KillUser: s.KillUser, KillPasswordFile: s.KillPasswordFile,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		s := f.Services[name]
		high, low := s.Marks()
		c.Services = append(c.Services, gateway.Service{
			Name: name, Protocol: gateway.Protocol(s.Protocol), Router: gateway.Router(s.Router),
			Listen: s.Listen, Servers: s.Servers,
			ConnectTimeout: s.ConnectTimeout.Or(0), LoginTimeout: s.LoginTimeout.Or(0),
			HighWater: high, LowWater: low,
			MaxSessions: valueOr(s.MaxSessions, 0), IdleTimeout: s.IdleTimeout.Or(0), StallTimeout: s.StallTimeout.Or(0), CancelAbandoned: s.CancelAbandoned,
			Probes: networksOf(s.Probes), Compression: s.Compression,
			TLS: s.clientTLS(), AcceptProxyProtocol: networksOf(s.AcceptProxyProtocol),
		})
	}
	return c
}
