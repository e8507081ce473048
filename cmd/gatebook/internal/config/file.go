package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// File is a configuration file. A zero value stands for an absent key.
type File struct {
	// Data is the data folder, Listen the address of the API.
	Data   string `toml:"data"`
	Listen string `toml:"listen"`
	// Record is "strict", which refuses a session that cannot be recorded, or
	// "best_effort", which lets it go on and records the gap.
	Record string `toml:"record"`
	// RecordAdmin is whether the API's own clients are recorded; nil stands for true.
	RecordAdmin *bool `toml:"record_admin"`
	// AccessLog is whether the log has a line for each request to the API.
	AccessLog bool `toml:"access_log"`
	// StatisticsInterval is how often counters are observed.
	StatisticsInterval Duration `toml:"statistics_interval"`
	// ShutdownGrace is how long sessions may go on after the signal to stop.
	ShutdownGrace Duration `toml:"shutdown_grace"`
	// Hosts are names the API answers to, besides its addresses.
	Hosts []string `toml:"hosts"`
	// BasePath is the path below which a proxy shows the API.
	BasePath string `toml:"base_path"`
	// TLS is the API's; nil means plain HTTP.
	TLS *APITLS `toml:"tls"`
	// APILimits bound what clients of the API may take.
	APILimits APILimits `toml:"limits"`
	// Log is how the log is kept.
	Log Log `toml:"log"`
	// Anchor keeps signed heads of the log elsewhere.
	Anchor Anchor `toml:"anchor"`

	Servers  map[string]Server  `toml:"servers"`
	Services map[string]Service `toml:"services"`
}

// APITLS are PEM files: the API's certificate, and its key.
type APITLS struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// Server is a backend.
type Server struct {
	// Address is host and port.
	Address string `toml:"address"`
	// Drain: it gets no new sessions.
	Drain bool `toml:"drain"`
	// TLS is "off", "prefer" or "require"; CA is a PEM file with the authorities of
	// the server's certificate, ServerName the name in it.
	TLS        string `toml:"tls"`
	CA         string `toml:"ca"`
	ServerName string `toml:"server_name"`
	// ProxyProtocol sends the server the client's address.
	ProxyProtocol bool `toml:"proxy_protocol"`
	// KillUser is the user by which connections of killed sessions are ended,
	// KillPasswordFile a file with its password.
	KillUser         string `toml:"kill_user"`
	KillPasswordFile string `toml:"kill_password_file"`
}

// Service is what clients connect to.
type Service struct {
	// Protocol is "mysql", "postgres" or "tcp".
	Protocol string `toml:"protocol"`
	// Listen are the addresses to listen on, Servers names of servers.
	Listen  []string `toml:"listen"`
	Servers []string `toml:"servers"`
	// Router is "roundrobin", "leastconn" or "priority".
	Router         string   `toml:"router"`
	ConnectTimeout Duration `toml:"connect_timeout"`
	LoginTimeout   Duration `toml:"login_timeout"`
	// HighWater and LowWater are marks of the queues, in bytes. Nil means the
	// default; a high mark of 0 means that nothing is queued.
	HighWater *int `toml:"high_water"`
	LowWater  *int `toml:"low_water"`
	// MaxSessions limits the sessions at a time, IdleTimeout how long nothing may
	// move on one.
	MaxSessions *int     `toml:"max_sessions"`
	IdleTimeout Duration `toml:"idle_timeout"`
	// CancelAbandoned gives up what servers still do for clients that have gone.
	CancelAbandoned bool `toml:"cancel_abandoned"`
	// StallTimeout is how long a side may take nothing of what waits for it.
	StallTimeout Duration `toml:"stall_timeout"`
	// Probes are networks whose connections are not recorded when they end
	// before their login begins.
	Probes []string `toml:"probes"`
	// Compression lets clients of MySQL compress.
	Compression bool `toml:"compression"`
	// TLS ends clients' TLS.
	TLS *ClientTLS `toml:"tls"`
	// AcceptProxyProtocol are networks of proxies.
	AcceptProxyProtocol []string `toml:"accept_proxy_protocol"`
}

// ClientTLS are PEM files: a certificate, its key, and the authorities of clients'
// certificates. With authorities every client must have a certificate.
type ClientTLS struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	ClientCA    string `toml:"client_ca"`
	// Required refuses clients without TLS.
	Required bool `toml:"required"`
}

// Read reads and checks the file at path. Relative paths in it are beside it.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	f, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.resolve(filepath.Dir(path))
	return f, nil
}

// Parse reads and checks the text of a configuration file.
func Parse(text string) (*File, error) {
	mended, first := decodeAll(text, func() any { return reflect.New(untimed(reflect.TypeFor[File]())).Interface() })
	f := &File{}
	_, second := decodeAll(mended, func() any {
		*f = File{}
		return f
	})
	if err := inOrder(first, second); err != nil {
		return nil, err
	}
	if err := checkSpelled(text); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// nearest returns the known name that is most like the given one, or "" when none is
// similar.
func nearest(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// oneOf returns an error for a value that is not on a closed list.
func oneOf(key, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	err := fmt.Sprintf("%s is %q, it can be %s", key, value, strings.Join(known, ", "))
	if near := nearest(value, known); near != "" {
		err += fmt.Sprintf("; did you mean %q?", near)
	}
	return errors.New(err)
}
