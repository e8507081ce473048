package config

import (
	"errors"
	"fmt"
	"net/netip"
)

// checkLimits returns what is wrong with the limits of a service.
func checkLimits(at string, s Service) error {
	var all []error
	if s.MaxSessions != nil && *s.MaxSessions <= 0 {
		all = append(all, fmt.Errorf("%s.max_sessions is %d, it must be more than 0; leave it out for any number", at, *s.MaxSessions))
	}
	if s.CancelAbandoned && s.Protocol == "tcp" {
		all = append(all, fmt.Errorf("%s.cancel_abandoned is for protocol mysql and postgres: over plain TCP it is not known what a server does", at))
	}
	if s.Compression && s.Protocol != "mysql" {
		all = append(all, fmt.Errorf("%s.compression is for protocol mysql", at))
	}
	all = append(all, checkNetworks(at+".probes", s.Probes), checkNetworks(at+".accept_proxy_protocol", s.AcceptProxyProtocol))
	return errors.Join(all...)
}

// checkNetworks returns which texts are no networks.
func checkNetworks(key string, texts []string) error {
	var all []error
	for _, text := range texts {
		if _, err := parseNetwork(text); err != nil {
			all = append(all, fmt.Errorf("%s has %q, which is no network; write one like \"10.0.0.0/8\"", key, text))
		}
	}
	return errors.Join(all...)
}

// parseNetwork reads a network, or an address as the network of itself.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// networksOf returns the networks of a list that was checked.
func networksOf(texts []string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		if network, err := parseNetwork(text); err == nil {
			list = append(list, network)
		}
	}
	return list
}
