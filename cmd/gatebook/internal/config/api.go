package config

import (
	"errors"
	"fmt"

	"gatebook/httpd"
)

// APILimits bound what clients of the API may take. Zero values mean the default.
type APILimits struct {
	RequestLine           *int     `toml:"request_line"`
	Headers               *int     `toml:"headers"`
	HeaderTime            Duration `toml:"header_time"`
	BodyTime              Duration `toml:"body_time"`
	Connections           *int     `toml:"connections"`
	ConnectionsPerAddress *int     `toml:"connections_per_address"`
	ReportBytes           *int     `toml:"report_bytes"`
	ReportEvents          *int     `toml:"report_events"`
}

// limitKeys are the keys of APILimits.
func limitKeys() []string {
	return []string{
		"request_line", "headers", "header_time", "body_time", "connections", "connections_per_address", "report_bytes", "report_events",
	}
}

// count is a number that has to be at least so many, where it is given.
type count struct {
	key   string
	value *int
	least int
}

func (l APILimits) counts() []count {
	return []count{
		{"request_line", l.RequestLine, 256},
		{"headers", l.Headers, 1024},
		{"connections", l.Connections, 1},
		{"connections_per_address", l.ConnectionsPerAddress, 1},
		{"report_bytes", l.ReportBytes, 1024},
		{"report_events", l.ReportEvents, 1},
	}
}

func (l APILimits) check() error {
	var all []error
	for _, c := range l.counts() {
		if c.value != nil && *c.value < c.least {
			all = append(all, fmt.Errorf("limits.%s is %d, the least is %d; leave it out for the default", c.key, *c.value, c.least))
		}
	}
	return errors.Join(all...)
}

// Limits are those of the API.
func (f *File) Limits() httpd.Limits {
	l := f.APILimits
	or0 := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	return httpd.Limits{
		RequestLine: or0(l.RequestLine), Headers: or0(l.Headers), HeaderTime: l.HeaderTime.Or(0), BodyTime: l.BodyTime.Or(0),
		Connections: or0(l.Connections), ConnectionsPerAddress: or0(l.ConnectionsPerAddress),
		ReportBytes: or0(l.ReportBytes), ReportEvents: or0(l.ReportEvents),
	}
}
