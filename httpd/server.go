package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"gatebook/httpd/access"
	"gatebook/httpd/clients"
	"gatebook/httpd/follow"
	"gatebook/httpd/render"
	"gatebook/httpd/telemetry"
	"gatebook/projection"
)

// Server answers requests to the REST API. Its methods are safe for concurrent use.
type Server struct {
	http      *http.Server
	secured   *tls.Config // nil for plain HTTP
	api       *api
	recorder  *clients.Recorder
	followers *follow.Set
	log       zerolog.Logger
}

// New returns a server. It does nothing until [Server.Serve].
func New(c Config) (*Server, error) {
	switch {
	case c.Registry == nil:
		return nil, errors.New("httpd: no registry is given")
	case c.RecordAdmin && c.Source == nil:
		return nil, errors.New("httpd: connections are to be recorded, and no source is given")
	}
	c = c.orDefaults()
	s := &Server{
		recorder:  newRecorder(c),
		followers: follow.NewSet(c.Registry),
		log:       c.Logger,
	}
	if err := c.Metrics.Watch(c.Registry, c.Probes, s.followers.Len); err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	if c.Certificate != nil {
		s.secured = c.Certificate.config()
	}
	closing, answers := make(chan struct{}), newAnswers(c.Registry)
	s.api = newAPI(c, answers, s.followers, closing)
	s.http = &http.Server{
		Handler:           access.OverrideMethod(newEngine(s.api.routes(), newAdapter(c, answers, s.recorder))),
		ReadHeaderTimeout: c.Limits.HeaderTime,
		IdleTimeout:       c.IdleTimeout,
		WriteTimeout:      render.PieceTimeout,
		MaxHeaderBytes:    c.Limits.Headers,
		ConnContext:       clients.WithConn,
		ConnState:         s.recorder.ConnState,
		ErrorLog:          log.New(transportLog{c.Logger}, "", 0),
		// The adapter answers OPTIONS * like any other request.
		DisableGeneralOptionsHandler: true,
	}
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(closing) }))
	return s, nil
}

// newAPI returns the handlers of a server. closing is closed when it is shut down.
func newAPI(c Config, to *answers, f *follow.Set, closing <-chan struct{}) *api {
	r := c.Registry
	return &api{
		sessions:  newSessions(r, r, r, to),
		kills:     newKills(r, r, r, to, c.KillWait),
		services:  newServices(r, r, to),
		listeners: newListeners(r, to),
		servers:   newServers(r, to),
		sources:   newSources(r, to),
		feeds:     newFeeds(r, r, to, f),
		intake: &intake{
			reporter: r, answers: to, metrics: c.Metrics, log: c.Logger,
			limits: c.Limits, idle: c.IdleTimeout, closing: closing,
		},
		status: newStatus(r, to, c.Metrics, c.Version),
	}
}

// newRecorder returns the recorder of the clients' connections.
func newRecorder(c Config) *clients.Recorder {
	accessed := telemetry.NewAccessLog(c.Logger, c.AccessLog)
	o := clients.Options{
		Most: c.Limits.Connections, MostPerAddress: c.Limits.ConnectionsPerAddress,
		Now: c.Registry.Now, Logger: c.Logger, TurnedAway: accessed.TurnedAway,
		Unread: func(conn *clients.Conn) { accessed.Unread(conn.RemoteAddr(), conn.TransportStatus(), conn.Session()) },
		IsStopping: func(session uint64) bool {
			v, _, err := c.Registry.Session(session)
			return err == nil && v.Status == projection.Live && v.Stage == projection.Stopping
		},
	}
	if c.RecordAdmin {
		o.Source = c.Source
	}
	return clients.NewRecorder(o)
}

// newAdapter returns the adapter of a server's handlers.
func newAdapter(c Config, to *answers, recorder *clients.Recorder) *adapter {
	return &adapter{
		answers:    to,
		gate:       newAuthenticator(c, recorder),
		metrics:    c.Metrics,
		accessed:   telemetry.NewAccessLog(c.Logger, c.AccessLog),
		log:        c.Logger,
		bodyTime:   c.Limits.BodyTime,
		vary:       []string{"Accept, Accept-Encoding"},
		protection: access.Protection(c.Certificate != nil),
	}
}

// Handler returns a handler for requests that do not come through [Server.Serve]. Their
// connections are not recorded.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers the requests of a listener's clients until Shutdown is called, and then
// returns nil. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	counted := s.recorder.Listen(l, s.secured == nil)
	if s.secured != nil {
		counted = tls.NewListener(counted, s.secured)
	}
	err := s.http.Serve(counted)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the API on %s: %w", l.Addr(), err)
}

// AccountsChanged closes the connections of clients that are being answered and would not
// be let in now. Call it after reloading the accounts.
func (s *Server) AccountsChanged() {
	s.recorder.Revoke(func(account, remote string) {
		s.log.Warn().Str("account", account).Str("remote", remote).Msg("an answer is cut off: accounts have changed")
	})
}

// Shutdown stops listening, waits for the requests under way to be answered, closes all
// connections and waits until their ends are recorded. When ctx ends first, Shutdown cuts
// the connections that are left and returns the error of ctx. The server cannot be used
// again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.recorder.Close()
	s.followers.Close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if err = errors.Join(err, s.recorder.Wait(ctx)); err != nil {
		return fmt.Errorf("shut the API down: %w", err)
	}
	return nil
}

// transportLog logs the messages of net/http.
type transportLog struct{ log zerolog.Logger }

func (t transportLog) Write(line []byte) (int, error) {
	t.log.Warn().Str("detail", strings.TrimSpace(string(line))).Msg("transport")
	return len(line), nil
}
