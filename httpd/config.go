package httpd

import (
	"cmp"
	"context"
	"time"

	"github.com/rs/zerolog"

	"gatebook/httpd/accounts"
	"gatebook/httpd/clients"
	"gatebook/httpd/telemetry"
)

// Config says what a server serves and how. A duration that is 0 has its default.
type Config struct {
	// Registry is what the API shows and changes.
	Registry Registry
	// Source records the API's own client connections when RecordAdmin is set. It belongs to
	// the server until Shutdown has returned.
	Source      clients.Source
	RecordAdmin bool
	Logger      zerolog.Logger
	// AccessLog writes a line to Logger for each request, whatever Logger's level.
	AccessLog bool
	// Metrics are shown under /metrics; nil means new ones. They measure the registry's
	// commits, and serve one server.
	Metrics *telemetry.Metrics
	// Probes returns how many connections of health checks were not recorded; nil when they
	// are not counted.
	Probes func() uint64
	// NotReady returns why the server is not ready although it can record, as a sentence; ""
	// while it is. Nil means that it always is.
	NotReady func() string
	// Version is the program's, shown under /version.
	Version string
	// Hosts are the names that the API answers to, besides addresses and localhost.
	Hosts []string
	// BasePath is the path below which a proxy shows the API, as [ParseBasePath] returns it; ""
	// for none.
	BasePath string
	// Certificate is that of TLS; nil means plain HTTP.
	Certificate *Certificate
	// Accounts holds the accounts that may use the API; nil means that there are none.
	Accounts *accounts.Gate
	// ManageAccounts calls change with the file of accounts, as an administrator of that
	// name, and takes over what it has changed before it returns. Nil means that accounts
	// are not managed through the control socket.
	ManageAccounts func(ctx context.Context, by string, change func(accounts.File) error) error
	// Insecure answers clients on other machines and behind proxies although there are no
	// accounts.
	Insecure bool
	// Limits bounds what clients may take.
	Limits Limits
	// KillWait is how long a request waits for a session to be closed: 5 s.
	KillWait time.Duration
	// IdleTimeout is how long a connection may be without a request: 5 min.
	IdleTimeout time.Duration
}

// orDefaults returns the configuration with the default of everything that is not given.
func (c Config) orDefaults() Config {
	c.Limits = c.Limits.orDefaults()
	c.KillWait, c.IdleTimeout = cmp.Or(c.KillWait, 5*time.Second), cmp.Or(c.IdleTimeout, 5*time.Minute)
	if c.NotReady == nil {
		c.NotReady = func() string { return "" }
	}
	if c.Metrics == nil {
		c.Metrics = telemetry.NewMetrics()
	}
	return c
}

// Limits bounds what clients may take of the server. A limit that is 0 has its default.
type Limits struct {
	// RequestLine is how many bytes a request line may have, 8 KiB. Headers is how many all
	// headers may have, 32 KiB.
	RequestLine, Headers int
	// HeaderTime is how long the headers of a request may take to arrive, 10 s. BodyTime is
	// how long a body may, 30 s, unless it is a stream of reports.
	HeaderTime, BodyTime time.Duration
	// Connections is how many there may be at a time, 4,096. ConnectionsPerAddress is how
	// many from one address, 2,048.
	Connections, ConnectionsPerAddress int
	// ReportBytes and ReportEvents are how much one report may hold, 16 MiB and 10,000.
	ReportBytes, ReportEvents int
	// InFlightBytes is how much memory the bodies that are being read and the answers that
	// wait for their clients may have together, 8 times ReportBytes. The first 64 KiB of each
	// do not count.
	InFlightBytes int
}

// orDefaults returns the limits with the default of each that is not given.
func (l Limits) orDefaults() Limits {
	reportBytes := cmp.Or(l.ReportBytes, 16<<20)
	return Limits{
		RequestLine: cmp.Or(l.RequestLine, 8<<10), Headers: cmp.Or(l.Headers, 32<<10),
		HeaderTime: cmp.Or(l.HeaderTime, 10*time.Second), BodyTime: cmp.Or(l.BodyTime, 30*time.Second),
		Connections: cmp.Or(l.Connections, 4096), ConnectionsPerAddress: cmp.Or(l.ConnectionsPerAddress, 2048),
		ReportBytes: reportBytes, ReportEvents: cmp.Or(l.ReportEvents, 10_000),
		InFlightBytes: cmp.Or(l.InFlightBytes, 8*reportBytes),
	}
}
