package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gatebook/cmd/gatebook/gateway"
)

// checkAccount returns what is wrong with the account by which connections of killed sessions
// are ended.
func (f *File) checkAccount(name string, s Server) error {
	at := "servers." + name
	switch {
	case s.KillUser == "" && s.KillPasswordFile == "":
		return nil
	case s.KillPasswordFile == "":
		return fmt.Errorf("%s.kill_user has no password; write kill_password_file = \"path\"", at)
	case s.KillUser == "":
		return fmt.Errorf("%s.kill_password_file is of no use without kill_user", at)
	}
	var all []error
	for _, service := range slices.Sorted(maps.Keys(f.Services)) {
		v := f.Services[service]
		if slices.Contains(v.Servers, name) && v.Protocol != string(gateway.MySQL) {
			all = append(all, fmt.Errorf("%s.kill_user is for protocol mysql, and services.%s speaks %s with it; PostgreSQL needs no account to cancel a query", at, service, v.Protocol))
		}
	}
	return errors.Join(all...)
}
