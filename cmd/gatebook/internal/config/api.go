package config

import (
	"errors"
	"fmt"

	"gatebook"
	"gatebook/httpd"
)

// APILimits bound what clients of the API may take. A value that is absent stands for the
// default.
type APILimits struct {
	RequestLine           *int     `toml:"request_line"`
	Headers               *int     `toml:"headers"`
	HeaderTime            Duration `toml:"header_time"`
	BodyTime              Duration `toml:"body_time"`
	Connections           *int     `toml:"connections"`
	ConnectionsPerAddress *int     `toml:"connections_per_address"`
	ReportBytes           *int     `toml:"report_bytes"`
	ReportEvents          *int     `toml:"report_events"`
	InFlightBytes         *int     `toml:"in_flight_bytes"`
	NamesPerSource        *int     `toml:"names_per_source"`
	Names                 *int     `toml:"names"`
}

// count is a number with its least value; nil where it is absent.
type count struct {
	key   string
	value *int
	least int
}

// counts returns the limits that are numbers.
func (l APILimits) counts() []count {
	return []count{
		{"request_line", l.RequestLine, 256},
		{"headers", l.Headers, 1024},
		{"connections", l.Connections, 1},
		{"connections_per_address", l.ConnectionsPerAddress, 1},
		{"report_bytes", l.ReportBytes, 1024},
		{"report_events", l.ReportEvents, 1},
		{"in_flight_bytes", l.InFlightBytes, 1 << 20},
		{"names_per_source", l.NamesPerSource, 1},
		{"names", l.Names, 1},
	}
}

// check returns which limits are too low.
func (l APILimits) check() error {
	var all []error
	for _, c := range l.counts() {
		if c.value != nil && *c.value < c.least {
			all = append(all, fmt.Errorf("limits.%s is %d, the least is %d; leave it out for the default", c.key, *c.value, c.least))
		}
	}
	return errors.Join(all...)
}

// Limits returns the limits of the API; 0 stands for the default.
func (f *File) Limits() httpd.Limits {
	l := f.APILimits
	return httpd.Limits{
		RequestLine: valueOr(l.RequestLine, 0), Headers: valueOr(l.Headers, 0),
		HeaderTime: l.HeaderTime.Or(0), BodyTime: l.BodyTime.Or(0),
		Connections: valueOr(l.Connections, 0), ConnectionsPerAddress: valueOr(l.ConnectionsPerAddress, 0),
		ReportBytes: valueOr(l.ReportBytes, 0), ReportEvents: valueOr(l.ReportEvents, 0),
		InFlightBytes: valueOr(l.InFlightBytes, 0),
	}
}

// Base returns the base path of the API, "" for none.
func (f *File) Base() string {
	base, _ := httpd.ParseBasePath(f.BasePath) // check has seen to it
	return base
}

// Names returns how many names sources outside may record; 0 stands for the default.
func (f *File) Names() gatebook.NameLimits {
	return gatebook.NameLimits{PerSource: valueOr(f.APILimits.NamesPerSource, 0), Total: valueOr(f.APILimits.Names, 0)}
}

// valueOr returns the number of a key, or other where the key is absent.
func valueOr(n *int, other int) int {
	if n == nil {
		return other
	}
	return *n
}
