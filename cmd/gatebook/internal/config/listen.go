package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// CheckListen returns which services cannot listen beside the API. The address of the API
// may come from elsewhere than the file.
func (f *File) CheckListen(api string) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		for _, address := range f.Services[name].Listen {
			var taken listeners
			all = append(all, taken.take("the API", api), taken.take("services."+name+".listen", address))
		}
	}
	return errors.Join(all...)
}

// listeners are the addresses of a file that are taken, in its order.
type listeners []listener

// listener is an address, with the key that has it.
type listener struct{ key, host, port, address string }

// take adds an address, or returns an error that names an earlier one with which it
// clashes. It ignores what is no address, which other checks find.
func (l *listeners) take(key, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" { // any port that is free
		return nil
	}
	fresh := listener{key: key, host: canonicalHost(host), port: port, address: address}
	for _, other := range *l {
		if other.clashes(fresh) {
			return fmt.Errorf("%s: %s is taken by %s, %s; each needs an address of its own", key, address, other.key, other.address)
		}
	}
	*l = append(*l, fresh)
	return nil
}

// clashes reports whether only one of the two can be listened on. An address that stands
// for all of the machine's addresses takes the port of each.
func (l listener) clashes(other listener) bool {
	return l.port == other.port && (l.host == other.host || l.host == "" || other.host == "")
}

// canonicalHost returns the one form of a host that can be written in several: a name in
// lower case without the dot of the root, an address, and "" for an address that stands for
// all of the machine's.
func canonicalHost(host string) string {
	ip, err := netip.ParseAddr(host)
	switch name := strings.ToLower(strings.TrimSuffix(host, ".")); {
	case name == "localhost":
		return "127.0.0.1"
	case err != nil:
		return name
	case ip.IsUnspecified():
		return ""
	}
	return ip.Unmap().String()
}
