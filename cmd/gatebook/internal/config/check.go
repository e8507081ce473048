package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/httpd"
	"gatebook/projection"
)

// reservedName is the name of the service of the API's own clients, and of the source that
// reports them.
const reservedName = "gatebook"

// check returns all that is wrong with the file.
func (f *File) check() error {
	all := []error{
		oneOf("record", f.Record, "strict", "best_effort"),
	}
	if _, err := httpd.ParseBasePath(f.BasePath); err != nil {
		all = append(all, fmt.Errorf("base_path is %w", err))
	}
	if f.TLS != nil {
		all = append(all, checkPair("tls", "api", f.TLS.Certificate, f.TLS.Key))
	}
	all = append(all, f.APILimits.check(), f.Log.check(), f.Anchor.check(), checkFolded("servers", f.Servers), checkFolded("services", f.Services))
	if f.Listen != "" {
		all = append(all, checkAddress("listen", f.Listen, 0))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Servers)) {
		all = append(all, f.checkServer(name, f.Servers[name]), f.checkServerTLS(name, f.Servers[name]), f.checkAccount(name, f.Servers[name]))
	}
	var taken listeners
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		all = append(all, f.checkService(name, f.Services[name], &taken))
	}
	return errors.Join(all...)
}

// checkName returns an error for a name that no link of the API could have: clients remove
// the segments . and .. from a path before they send it.
func checkName(table, name string) error {
	if name == "." || name == ".." {
		return fmt.Errorf("%s.%q: in the paths of the API that means another place, it needs another name", table, name)
	}
	return nil
}

// checkService returns what is wrong with a service. taken are the addresses of the services
// before it.
func (f *File) checkService(name string, s Service, taken *listeners) error {
	at := "services." + name
	var all []error
	if projection.NameKey(name) == reservedName {
		all = append(all, fmt.Errorf("%s: the name is reserved for the API's own clients", at))
	}
	all = append(all, checkName("services", name))
	if s.Protocol == "" {
		all = append(all, fmt.Errorf("%s has no protocol; it can be %s", at, strings.Join(protocols(), ", ")))
	}
	all = append(all,
		oneOf(at+".protocol", s.Protocol, protocols()...),
		oneOf(at+".router", s.Router, "roundrobin", "leastconn", "priority"),
		checkClientTLS(at+".tls", s.TLS),
		checkMarks(at, s),
		checkLimits(at, s))
	if len(s.Listen) == 0 {
		all = append(all, fmt.Errorf("%s listens nowhere; write listen = [\"127.0.0.1:4006\"]", at))
	}
	for _, address := range s.Listen {
		all = append(all, checkAddress(at+".listen", address, 0), taken.take(at+".listen", address))
	}
	return errors.Join(append(all, f.checkNames(at, s.Servers))...)
}

// protocols returns the protocols that a service can speak.
func protocols() []string {
	var names []string
	for _, p := range gateway.Protocols() {
		names = append(names, string(p))
	}
	return names
}

// checkMarks returns what is wrong with the marks of a service.
func checkMarks(at string, s Service) error {
	high, low := s.Marks()
	switch {
	case high < 0 || low < 0:
		return fmt.Errorf("%s: high_water is %d, low_water %d; neither can be negative", at, high, low)
	case high > 0 && high <= low:
		return fmt.Errorf("%s: high_water is %d, it must exceed low_water, %d; 0 means that nothing is queued", at, high, low)
	}
	return nil
}

// Marks returns the high and low water marks, or their defaults.
func (s Service) Marks() (high, low int) {
	return valueOr(s.HighWater, gateway.DefaultHighWater), valueOr(s.LowWater, gateway.DefaultLowWater)
}

// checkAddress returns what is wrong with a host and a port, which is least or more.
func checkAddress(key, address string, least int) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%s is %q, which is no address; write \"host:port\"", key, address)
	case host == "*":
		return fmt.Errorf("%s is %q; for all addresses of this machine write %q", key, address, ":"+port)
	case !isHost(host):
		return fmt.Errorf("%s is %q, whose host is neither a name nor an address", key, address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < least || n > 65535 {
		return fmt.Errorf("%s is %q, whose port is no number from %d to 65535", key, address, least)
	}
	return nil
}

// isHost reports whether a host can be a name or an address. The empty one stands for all addresses
// of this machine.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return true
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		return r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
	})
}

// Duration is a duration in the form "90s", "8h" or "30d". The zero value stands for an
// absent key. Its kind is no number, so that a number without a unit is refused and not
// taken for nanoseconds.
type Duration struct{ of time.Duration }

// UnmarshalText reads the duration from text. It implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil && n > 0 && n < 36500 {
			d.of = time.Duration(n * 24 * float64(time.Hour))
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is no duration; write one like \"500ms\", \"10s\", \"8h\" or \"30d\"", s)
	}
	if v < time.Millisecond {
		return fmt.Errorf("%q is too short; the least is \"1ms\"", s)
	}
	d.of = v
	return nil
}

// Or returns the duration, or other where it is absent.
func (d Duration) Or(other time.Duration) time.Duration {
	if d.of == 0 {
		return other
	}
	return d.of
}
