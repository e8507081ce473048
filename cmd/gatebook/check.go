package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"

	"gatebook/cmd/gatebook/internal/config"
)

// checkCommand are the arguments of check-config.
type checkCommand struct {
	File string `arg:"" optional:"" help:"Configuration file (gatebook.toml)." type:"path" default:"gatebook.toml"`
}

// Help returns what --help adds.
func (checkCommand) Help() string {
	return `Nothing is started and nothing is changed. What is wrong goes to standard error, with exit status 1.

Example:
  gatebook check-config /etc/gatebook.toml`
}

// Run reads the file as serve would.
func (c *checkCommand) Run(to *streams) error {
	file, err := config.Read(c.File)
	if err != nil {
		return err
	}
	gateway := file.Gateway()
	if err := errors.Join(file.CheckListen(cmp.Or(file.Listen, defaultListen)), gateway.CheckFiles()); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	for _, warning := range append(warnings(file), gateway.Warnings()...) {
		fmt.Fprintln(to.out, "warning:", warning)
	}
	fmt.Fprintf(to.out, "%s is right: %d services, %d servers\n", c.File, len(gateway.Services), len(gateway.Servers))
	return nil
}

// warnings returns what serve may refuse, depending on more than the file.
func warnings(file *config.File) []string {
	host, _, err := net.SplitHostPort(cmp.Or(file.Listen, defaultListen))
	if err != nil || local(host) || file.TLS != nil {
		return nil
	}
	return []string{fmt.Sprintf("listen is %s, for other machines too: serve then wants a certificate ([tls]) and an account (gatebook user add), or --insecure", file.Listen)}
}
