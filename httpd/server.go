package httpd

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"gatebook/httpd/access"
	"gatebook/httpd/clients"
	"gatebook/httpd/control"
	"gatebook/httpd/follow"
	"gatebook/httpd/render"
	"gatebook/httpd/telemetry"
	"gatebook/projection"
)

// Server answers requests to the REST API. Its methods are safe for concurrent use.
type Server struct {
	http      *http.Server
	control   *http.Server      // answers at the control socket
	security  *clients.Security // nil for plain HTTP
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
	base, err := ParseBasePath(c.BasePath)
	if err != nil {
		return nil, fmt.Errorf("httpd: the base path is %w", err)
	}
	c.BasePath = base
	c = c.orDefaults()
	s := &Server{
		recorder:  newRecorder(c),
		followers: follow.NewSet(c.Registry),
		log:       c.Logger,
	}
	if err := c.Metrics.Watch(readiness{c.Registry, c.NotReady}, c.Probes, s.followers.Len); err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	p := programOf(c.Version)
	if err := c.Metrics.Built(p.version, p.Revision, p.Go); err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	s.security = newSecurity(c)
	closing, answers := make(chan struct{}), newAnswers(c.Registry, c.BasePath, render.NewBudget(c.Limits.InFlightBytes))
	restored, err := restoredLogOf(c.Registry, s.followers)
	if err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	answers.restored = restored
	by := newAuthenticator(c, s.recorder)
	s.api = newAPI(c, answers, s.followers, closing)
	s.api.signIns = newSignIns(c, by.login, answers)
	page, err := newPage(answers)
	if err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	s.api.page = page
	s.http = newHTTP(c, below(c.BasePath, newEngine(s.api.routesBelow(c.BasePath), newAdapter(c, answers, by))))
	s.http.ConnContext, s.http.ConnState = clients.WithConn, s.recorder.ConnState
	local := slices.Concat((&keyRotation{proofs: s.api.proofs, registry: c.Registry}).routes(s.api.routes()), s.api.accounts.routes(), (&verification{registry: c.Registry, closing: closing}).routes())
	s.control = newHTTP(c, newEngine(local, newAdapter(c, answers, newLocalUsers(c))))
	s.control.ConnContext, s.control.ConnState = withPeer, clients.NoteState
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(closing) }))
	return s, nil
}

// refusedBytes is how much more than is allowed of a request's head is read in order to refuse
// it with an answer that says what is wrong.
const refusedBytes = 8 << 10

// newHTTP returns a server of HTTP for an engine's routes.
func newHTTP(c Config, engine http.Handler) *http.Server {
	return &http.Server{
		Handler:           access.OverrideMethod(plainPath(closeUnread(engine))),
		ReadHeaderTimeout: c.Limits.HeaderTime,
		IdleTimeout:       c.IdleTimeout,
		WriteTimeout:      render.PieceTimeout,
		// The guard refuses what is too long with an answer as any other. net/http refuses what
		// is longer still, with one of its own.
		MaxHeaderBytes: c.Limits.RequestLine + c.Limits.Headers + refusedBytes,
		ErrorLog:       log.New(transportLog{c.Logger}, "", 0),
		// The adapter answers OPTIONS * like any other request.
		DisableGeneralOptionsHandler: true,
	}
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
			others: &impersonations{log: c.Logger, now: r.Now},
			limits: c.Limits, idle: c.IdleTimeout, closing: closing,
		},
		status:   newStatus(readiness{r, c.NotReady}, to, c.Metrics, c.Version),
		accounts: newAccountKeeping(c, to),
		proofs:   newProofs(r, to),
		folder:   &folderInfo{registry: r},
		backups:  &backups{registry: r, version: c.Version, log: c.Logger, closing: closing},
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

// newAdapter returns the adapter of a server's handlers, which a gate lets requests in to.
func newAdapter(c Config, to *answers, by gate) *adapter {
	return &adapter{
		answers:    to,
		gate:       by,
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
	err := s.http.Serve(s.recorder.Listen(l, s.security))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the API on %s: %w", l.Addr(), err)
}

// ServeControl answers the requests of the control socket's clients until Shutdown is
// called, and then returns nil. It closes the listener. The clients need no account: each is
// an administrator under the name of its user. Their connections are not recorded, and what
// they do is.
func (s *Server) ServeControl(l *control.Listener) error {
	err := s.control.Serve(clients.Unbounded(l, nil))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the control socket: %w", err)
}

// withPeer returns a context for the requests of a connection of the control socket.
func withPeer(ctx context.Context, nc net.Conn) context.Context {
	return control.WithPeer(clients.WithConn(ctx, nc), clients.Accepted(nc))
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
	var err error
	for _, h := range []*http.Server{s.http, s.control} {
		late := h.Shutdown(ctx)
		if late != nil {
			late = errors.Join(late, h.Close())
		}
		err = errors.Join(err, late)
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
