package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/config"
)

// TestFoldedNames checks that names which are one in the book, and keys which are one for the
// decoder, are refused, and that both are named.
func TestFoldedNames(t *testing.T) {
	t.Parallel()
	const other = "\nprotocol = 'mysql'\nlisten = ['127.0.0.1:4007']\nservers = ['db-1']\n"
	const address = "\naddress = '10.0.0.2:3306'\n"
	for name, c := range map[string]struct{ add, want string }{
		"services":         {"[services.Orders]" + other, `services."Orders" and services."orders" are one name`},
		"servers":          {"[servers.'DB 1']" + address, `servers."DB 1" and servers."db-1" are one name`},
		"composed":         {"[servers.'d\u00e9pot']" + address + "[servers.'de\u0301pot']" + address, "are one name"},
		"reserved":         {"[services.'GateBook']" + other, "reserved"},
		"a key":            {"[servers.db-2]" + address + "Address = '10.0.0.3:3306'\n", "servers.db-2.Address and servers.db-2.address are one key"},
		"a table":          {"[Servers.db-2]" + address, "Servers and servers are one key"},
		"a table in a map": {"[services.orders.TLS]\ncertificate = 'a'\nkey = 'b'\n", "services.orders.TLS and services.orders.tls are one key"},
	} {
		if _, err := config.Parse(whole + c.add); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := config.Parse("Listen = '127.0.0.1:1'\n" + whole); err == nil || !strings.Contains(err.Error(), "Listen and listen are one key") {
		t.Errorf("got %v", err)
	}
	if _, err := config.Parse(whole + "[services.orders2]" + other + "[servers.db-2]" + address); err != nil {
		t.Errorf("names that only resemble each other: %v", err)
	}
}

// TestListenHosts checks that an address at which nothing can listen is refused.
func TestListenHosts(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"*:4006":               `for all addresses of this machine write ":4006"`,
		"a b:4006":             "neither a name nor an address",
		"db/1:4006":            "neither a name nor an address",
		":4006":                "",
		"[::1]:4006":           "",
		"[fe80::1%eth0]:4006":  "",
		"db_1.example.org:400": "",
	} {
		_, err := config.Parse(strings.Replace(whole, "127.0.0.1:4006", listen, 1))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", listen, err, want)
		}
	}
}

// TestRelativePaths checks that a relative path means beside the configuration file, wherever the
// program was started.
func TestRelativePaths(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "gatebook.toml")
	text := whole + "[tls]\ncertificate = 'api.pem'\nkey = '/etc/api.key'\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := config.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	tls := f.Services["orders"].TLS
	for got, want := range map[string]string{
		f.Data: "book", f.TLS.Certificate: "api.pem", f.Servers["db-1"].CA: "ca.pem",
		tls.Certificate: "orders.pem", tls.Key: "orders.key", tls.ClientCA: "clients.pem",
	} {
		if got != filepath.Join(folder, want) {
			t.Errorf("%s is %s", want, got)
		}
	}
	if f.TLS.Key != "/etc/api.key" {
		t.Errorf("an absolute path became %s", f.TLS.Key)
	}
}
