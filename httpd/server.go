package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/httpd/accounts"
	"gatebook/projection"
)

// Registry is what the API reads from the book and does to it. [gatebook.Registry]
// is one.
type Registry interface {
	Session(id uint64) (projection.View, projection.Moment, error)
	Sessions(q gatebook.Query) (*gatebook.Listing, error)
	SessionAsOf(id, sequence uint64) (projection.View, projection.Moment, error)
	SequenceAt(t time.Time) (uint64, error)
	RecordedAt(sequence uint64) (time.Time, error)
	GapAt(t time.Time) (gatebook.Gap, bool, error)
	Kill(ctx context.Context, id uint64, q gatebook.Request) (projection.View, error)
	Feed(after uint64, only gatebook.EventFilter) *gatebook.Feed
	Services() ([]*projection.Service, projection.Moment)
	Service(name string) (*projection.Service, projection.Moment, error)
	Servers() ([]*projection.Server, projection.Moment)
	Server(name string) (*projection.Server, projection.Moment, error)
	Sources() ([]*projection.Source, projection.Moment)
	Source(name string) (*projection.Source, projection.Moment, error)
	Moment() projection.Moment
	ScheduleKill(ctx context.Context, id uint64, due time.Time, q gatebook.Request) error
	WithdrawKill(ctx context.Context, id uint64, q gatebook.Request) error
	KillAll(ctx context.Context, ids []uint64, q gatebook.Request) (gatebook.Killed, error)
	SwitchService(ctx context.Context, to gatebook.Switch, q gatebook.Request) error
	Report(ctx context.Context, report gatebook.Report) (gatebook.ReportResult, error)
	Stats() gatebook.Stats
	Now() time.Time
	// Err tells why nothing can be recorded now.
	Err() error
}

// Config is what a server needs to know. A duration that is 0 has its default.
type Config struct {
	Registry Registry
	// Source reports the API's own client connections, when RecordAdmin is set. It
	// belongs to the server until Shutdown has returned.
	Source      Source
	RecordAdmin bool
	Logger      zerolog.Logger
	// AccessLog writes a line to Logger for each request, whatever Logger's level.
	AccessLog bool
	// Metrics are those of /metrics, which hear of the registry's commits; nil means new
	// ones. They serve one server.
	Metrics *Metrics
	// Probes counts the connections of health checks that nobody recorded; nil when
	// nobody counts them.
	Probes func() uint64
	// Version is the program's, for /version.
	Version string
	// Hosts are the names the API answers to, besides addresses and localhost.
	Hosts []string
	// Certificate is what TLS is spoken with; nil means plain HTTP.
	Certificate *Certificate
	// Accounts tells who may use the API; nil means that there are none.
	Accounts *accounts.Gate
	// Insecure serves clients on other machines and behind proxies, although
	// there are no accounts.
	Insecure bool
	// Limits bound what clients may take.
	Limits Limits
	// KillWait is how long a request waits for a session to be closed: 5 s.
	KillWait time.Duration
	// IdleTimeout is how long a connection may be without a request: 5 min.
	IdleTimeout time.Duration
}

// Server answers requests to the REST API. Its methods are safe for concurrent
// use.
type Server struct {
	registry Registry
	guard    guard
	accounts *accounts.Gate // nil when there can be none
	killWait time.Duration
	limits   Limits
	limiter  *connLimiter
	log      zerolog.Logger
	accessed *accessLog // nil when it is off
	recorder *connRecorder
	metrics  *Metrics
	build    build
	secured  *tls.Config // nil for plain HTTP
	http     *http.Server
	methods  string // the value of Allow for the server as a whole
	// closing is closed when the server is shut down.
	closing chan struct{}
	// followers are those who follow the log, and followerPatience how long one of them
	// may take nothing; not changed while the server serves.
	followers        followers
	followerPatience time.Duration
	// rendered is what followers are sent.
	rendered renderings

	// process names this run of the server in entity tags.
	process string
	// These are values of headers; never changed.
	contentType, cacheControl, vary []string
	protection                      map[string][]string
	buffers, zips                   sync.Pool // of *[]byte, to render into, and of *gzip.Writer

	sessions    *resource[projection.View]
	connections *resource[connection]
	services    *resource[service]
	servers     *resource[*projection.Server]
	sources     *resource[*projection.Source]
	listeners   *resource[serviceListener]
	killed      *resource[gatebook.Killed]
	status      *resource[string]
	builds      *resource[build]
	contract    validators // of openapi.yaml
}

// New returns a server. It does nothing until [Server.Serve].
func New(c Config) (*Server, error) {
	switch {
	case c.Registry == nil:
		return nil, errors.New("httpd: no registry is given")
	case c.RecordAdmin && c.Source == nil:
		return nil, errors.New("httpd: connections are to be recorded, and no source is given")
	}
	limits := c.Limits.orDefaults()
	s := &Server{
		registry: c.Registry,
		guard:    guard{insecure: c.Insecure, line: limits.RequestLine},
		limits:   limits,
		limiter:  newConnLimiter(limits.Connections, limits.ConnectionsPerAddress),
		accounts: c.Accounts,
		killWait: orDefault(c.KillWait, 5*time.Second),
		log:      c.Logger,
		accessed: newAccessLog(c),

		closing:          make(chan struct{}),
		followers:        newFollowers(),
		followerPatience: followerPatience,

		process:     strconv.FormatInt(c.Registry.Now().UnixMicro(), 36),
		contentType: []string{contentJSON},
		// What may have changed is asked for again; only the client itself keeps it.
		cacheControl: []string{"private, no-cache"},
		vary:         []string{"Accept, Accept-Encoding"},
		protection:   protection(c.Certificate != nil),

		sessions:    sessionResource(),
		connections: connectionResource(),
		services:    serviceResource(),
		servers:     serverResource(),
		sources:     sourceResource(),
		listeners:   listenerResource(),
		killed:      killedResource(),
		status:      statusResource(),
		build:       buildOf(c.Version),
		builds:      buildResource(),
		contract:    contractValidators(),
	}
	for _, host := range c.Hosts {
		s.guard.hosts = append(s.guard.hosts, strings.ToLower(strings.TrimSuffix(host, ".")))
	}
	s.recorder = newConnRecorder(c)
	if s.metrics = c.Metrics; s.metrics == nil {
		s.metrics = NewMetrics()
	}
	if err := s.metrics.registry.Register(newBookCollector(c, s.followers.number)); err != nil {
		return nil, fmt.Errorf("httpd: register the metrics of the book: %w", err)
	}
	if c.Certificate != nil {
		s.secured = c.Certificate.config()
	}
	s.http = &http.Server{
		Handler:           overriding(s.newEngine()),
		ReadHeaderTimeout: limits.HeaderTime,
		IdleTimeout:       orDefault(c.IdleTimeout, 5*time.Minute),
		WriteTimeout:      patience,
		MaxHeaderBytes:    limits.Headers,
		ConnContext:       withConn,
		ConnState:         s.recorder.changed,
		ErrorLog:          log.New(transportLog{c.Logger}, "", 0),
		// OPTIONS * is let in and answered as any other request is.
		DisableGeneralOptionsHandler: true,
	}
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(s.closing) }))
	return s, nil
}

func orDefault[T ~int | ~int64](given, otherwise T) T {
	if given > 0 {
		return given
	}
	return otherwise
}

// Handler answers requests that do not come through [Server.Serve]. Their
// connections are not in the book.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers the requests of a listener's clients until Shutdown is called,
// and then returns nil. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	s.recorder.start(l.Addr())
	var counted net.Listener = listener{Listener: l, recorder: s.recorder, limiter: s.limiter, plain: s.secured == nil}
	if s.secured != nil {
		counted = tls.NewListener(counted, s.secured)
	}
	err := s.http.Serve(counted)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the API on %s: %w", l.Addr(), err)
}

// Shutdown stops listening, lets the requests under way be answered, closes all
// connections and waits until that is on the record. When ctx ends first, it cuts
// what is left and returns ctx's error. The server is of no use afterwards.
func (s *Server) Shutdown(ctx context.Context) error {
	s.recorder.close()
	s.followers.leave()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if err = errors.Join(err, s.recorder.wait(ctx)); err != nil {
		return fmt.Errorf("shut the API down: %w", err)
	}
	return nil
}

// transportLog takes what net/http has to say.
type transportLog struct{ log zerolog.Logger }

func (t transportLog) Write(line []byte) (int, error) {
	t.log.Warn().Str("detail", strings.TrimSpace(string(line))).Msg("transport")
	return len(line), nil
}
