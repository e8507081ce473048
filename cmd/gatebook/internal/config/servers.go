package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"

	"gatebook/cmd/gatebook/gateway"
)

// checkServer returns what is wrong with a server, but for TLS.
func (f *File) checkServer(name string, s Server) error {
	if err := checkName("servers", name); err != nil {
		return err
	}
	at := "servers." + name
	if s.Address == "" {
		return fmt.Errorf("%s has no address; write address = \"host:port\"", at)
	}
	at += ".address"
	if err := checkAddress(at, s.Address, 1); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(s.Address)
	if host == "" {
		return fmt.Errorf("%s is %q, which has no host; write \"host:port\"", at, s.Address)
	}
	return errors.Join(f.checkCircle(at, s.Address, listener{host: canonicalHost(host), port: port}), f.checkProtocol(name))
}

// checkProtocol returns an error for a server that services of MySQL and of PostgreSQL
// name: it speaks one of them at most.
func (f *File) checkProtocol(name string) error {
	users := map[string]string{} // the first service that speaks a protocol with it
	for _, service := range slices.Sorted(maps.Keys(f.Services)) {
		s := f.Services[service]
		if _, ok := users[s.Protocol]; !ok && slices.Contains(s.Servers, name) {
			users[s.Protocol] = service
		}
	}
	mysql, isMySQL := users[string(gateway.MySQL)]
	postgres, isPostgres := users[string(gateway.Postgres)]
	if isMySQL && isPostgres {
		return fmt.Errorf("servers.%s is named by services.%s, which speaks mysql, and by services.%s, which speaks postgres; a server speaks one of them", name, mysql, postgres)
	}
	return nil
}

// checkCircle returns an error for a server that is a service of the gateway itself: each
// session would begin another one, until the gateway runs out of sockets.
func (f *File) checkCircle(at, address string, server listener) error {
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		for _, listens := range f.Services[name].Listen {
			host, port, err := net.SplitHostPort(listens)
			if err == nil && (listener{host: canonicalHost(host), port: port}).takes(server) {
				return fmt.Errorf("%s is %q, where services.%s listens, so its sessions would come back to the gateway; write the address of the database", at, address, name)
			}
		}
	}
	return nil
}

// takes reports whether a connection to an address reaches the listener. A listener on all
// of the machine's addresses is known by the addresses that every machine has.
func (l listener) takes(dialled listener) bool {
	if l.port != dialled.port {
		return false
	}
	ip := net.ParseIP(dialled.host)
	local := dialled.host == "" || ip != nil && ip.IsLoopback() // dialling 0.0.0.0 reaches this machine
	return l.host == dialled.host || l.host == "" && local || dialled.host == "" && l.host == "127.0.0.1"
}

// checkNames returns what is wrong with a service's list of servers.
func (f *File) checkNames(at string, servers []string) error {
	if len(servers) == 0 {
		return fmt.Errorf("%s has no servers; write servers = [\"NAME\"], where [servers.NAME] has its address", at)
	}
	var all []error
	for i, server := range servers {
		if slices.Contains(servers[:i], server) {
			all = append(all, fmt.Errorf("%s.servers names %q twice", at, server))
			continue
		}
		if _, ok := f.Servers[server]; ok {
			continue
		}
		err := fmt.Sprintf("%s.servers names %q, which is not declared", at, server)
		if near := nearest(server, slices.Sorted(maps.Keys(f.Servers))); near != "" {
			err += fmt.Sprintf("; did you mean %q?", near)
		} else {
			err += fmt.Sprintf("; add [servers.%s]", server)
		}
		all = append(all, errors.New(err))
	}
	return errors.Join(all...)
}
