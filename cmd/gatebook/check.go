package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"gatebook/cmd/gatebook/internal/config"
	"gatebook/httpd"
	"gatebook/storage"
)

// checkCommand are the arguments of check-config.
type checkCommand struct {
	File   string `arg:"" optional:"" help:"Configuration file (gatebook.toml)." type:"path" xor:"file"`
	Config string `help:"The same, as serve takes it." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE" xor:"file"`
}

// Help returns what --help adds.
func (checkCommand) Help() string {
	return `Nothing is started and nothing is changed. What is wrong goes to standard error, with exit status 1.

Example:
  gatebook check-config /etc/gatebook.toml`
}

// Run reads the file as serve would.
func (c *checkCommand) Run(to *streams) error {
	path := cmp.Or(c.File, c.Config, "gatebook.toml")
	file, err := config.Read(path)
	if err != nil {
		return err
	}
	gateway := file.Gateway()
	err = errors.Join(file.CheckListen(cmp.Or(file.Listen, defaultListen)), gateway.CheckFiles(), checkAnchorFile(file.Anchor.File, cmp.Or(file.Data, defaultData)))
	if t := file.TLS; t != nil {
		if _, unread := httpd.LoadCertificate(t.Certificate, t.Key); unread != nil {
			err = errors.Join(err, fmt.Errorf("API: %w", unread))
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, warning := range append(warnings(file), gateway.Warnings()...) {
		fmt.Fprintln(to.out, "warning:", warning)
	}
	fmt.Fprintf(to.out, "%s is right: %s, %s\n", path, counted(len(gateway.Services), "service"), counted(len(gateway.Servers), "server"))
	return nil
}

// counted returns a number with the noun that it counts.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// warnings returns what serve may refuse, depending on more than the file, and what will
// surprise.
func warnings(file *config.File) []string {
	listen := cmp.Or(file.Listen, defaultListen)
	all := readableByAll(file, cmp.Or(file.Data, defaultData))
	host, _, err := net.SplitHostPort(listen)
	if err != nil || local(host) {
		return all
	}
	if file.TLS == nil {
		all = append(all, fmt.Sprintf("listen is %s, for other machines too: serve then wants a certificate ([tls]) and an account (gatebook user add), or --insecure", listen))
	}
	if len(file.Hosts) == 0 {
		all = append(all, fmt.Sprintf("listen is %s, for other machines too, and there are no hosts: the API then answers to its addresses and localhost alone, and not to a name; write hosts = [\"gatebook.example.org\"]", listen))
	}
	return all
}

// readableByAll returns a warning for each secret that other users of the machine can read:
// private keys, and the data folder, which has the book and the accounts.
func readableByAll(file *config.File, data string) []string {
	var all []string
	seen := make(map[string]bool)
	warn := func(what, path, right string) {
		info, err := os.Stat(path)
		if path == "" || seen[path] || err != nil || info.Mode().Perm()&0o004 == 0 {
			return
		}
		seen[path] = true
		all = append(all, fmt.Sprintf("%s %s can be read by every user of this machine (mode %04o); say chmod %s %s", what, path, info.Mode().Perm(), right, path))
	}
	if file.TLS != nil {
		warn("the key", file.TLS.Key, "600")
	}
	for _, service := range file.Gateway().Services {
		warn("the key", service.TLS.Key, "600")
	}
	for _, server := range file.Gateway().Servers {
		warn("the password", server.KillPasswordFile, "600")
	}
	warn("the data folder", data, "700")
	return append(all, exposedKeys(data)...)
}

// exposedKeys returns a warning for each private key in a data folder, or a backup, that others than its owner may
// read or write. It is no reason to refuse: what could be read was read, and what happens meanwhile has to be recorded
// and signed all the same.
func exposedKeys(folder string) []string {
	var all []string
	for _, name := range []string{storage.KeyFile, storage.KeyFile + ".next"} {
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if folder == "" || err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
			continue
		}
		all = append(all, fmt.Sprintf("%s is for its owner alone, and its mode %04o lets others use it: say chmod 600 %[1]s; "+
			"who has read it can sign another history of the log, so rotate it (gatebook key rotate) where that may have happened", path, info.Mode().Perm()))
	}
	return all
}

// warnOfKeys warns of private keys in a folder that others may use.
func warnOfKeys(to *streams, folder string) {
	for _, warning := range exposedKeys(folder) {
		fmt.Fprintf(to.err, "gatebook: warning: %s\n", warning)
	}
}
