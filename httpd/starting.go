package httpd

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/httpd/access"
	"gatebook/httpd/clients"
	"gatebook/httpd/render"
)

// lastAnswers is how long the requests under way may take when a Starting ends.
const lastAnswers = 250 * time.Millisecond

// Starting answers on listeners while the registry is being opened: /health as ever, /ready
// and everything else with 503 and how far opening has come. Its methods are safe for
// concurrent use, but Stop is called once.
type Starting struct {
	http     *http.Server
	security *clients.Security // nil for plain HTTP
	guard    *access.Guard
	progress func() Opening
	lines    []*handover
	serving  sync.WaitGroup
}

// Opening is how far a book has been opened. Of is 0 while that is not known.
type Opening struct {
	// Upgrading is true while a log of an older format is copied; then Done and Of are bytes,
	// and otherwise records.
	Upgrading bool
	Done, Of  uint64
}

// NewStarting returns a Starting. Of the configuration it uses Hosts, BasePath, Limits,
// Insecure, Certificate and Logger. progress returns how far the book has been opened.
func NewStarting(c Config, progress func() Opening) *Starting {
	c.Limits = c.Limits.orDefaults()
	s := &Starting{
		security: newSecurity(c), progress: progress, guard: access.NewGuard(c.Hosts, c.Limits.RequestLine, c.Limits.Headers, c.Insecure),
	}
	s.http = &http.Server{
		Handler: below(c.BasePath, s), ReadHeaderTimeout: c.Limits.HeaderTime, MaxHeaderBytes: c.Limits.Headers,
		WriteTimeout: render.PieceTimeout, ErrorLog: log.New(transportLog{c.Logger}, "", 0),
		ConnContext: clients.WithConn, ConnState: clients.NoteState,
	}
	s.http.SetKeepAlivesEnabled(false) // the API then gets connections of its own
	return s
}

// interruptible is a listener whose Accept can be interrupted. Those of TCP and of Unix
// sockets are.
type interruptible interface {
	net.Listener
	SetDeadline(t time.Time) error
}

// Serve answers the requests of a listener's clients until Stop is called. It returns at
// once. local is set for the control socket, where no TLS is spoken.
func (s *Starting) Serve(l interruptible, local bool) {
	line := &handover{interruptible: l}
	s.lines = append(s.lines, line)
	security := s.security
	if local {
		security = nil
	}
	s.serving.Go(func() {
		_ = s.http.Serve(clients.Unbounded(line, security)) // it ends with Stop
	})
}

// Stop stops answering. The listeners are open afterwards, for the server to go on with;
// clients that connect meanwhile wait for it.
func (s *Starting) Stop() error {
	var err error
	for _, line := range s.lines {
		line.stopped.Store(true)
		err = errors.Join(err, line.SetDeadline(time.Unix(1, 0)))
	}
	s.serving.Wait()
	ctx, stop := context.WithTimeout(context.Background(), lastAnswers)
	defer stop()
	if s.http.Shutdown(ctx) != nil {
		err = errors.Join(err, s.http.Close()) // clients that have connected and asked nothing
	}
	for _, line := range s.lines {
		err = errors.Join(err, line.SetDeadline(time.Time{}))
	}
	return err
}

// handover is a listener that can be taken from its server without being closed.
type handover struct {
	interruptible
	stopped atomic.Bool
}

// Accept blocks until a client connects, or the listener is taken away.
func (h *handover) Accept() (net.Conn, error) {
	c, err := h.interruptible.Accept()
	if err != nil && h.stopped.Load() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close does nothing: the listener is still needed.
func (h *handover) Close() error { return nil }

// ServeHTTP answers a request.
func (s *Starting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if own := clients.Of(r); own != nil {
		own.Handled()
	}
	header := w.Header()
	maps.Copy(header, access.Protection(s.security != nil))
	header.Set("Content-Type", render.JSON)
	header.Set("Cache-Control", "no-store")
	status, body := http.StatusOK, []byte(`{"status":"ok"}`)
	if f := s.refusal(r); f != nil {
		status, body = f.Status, f.AppendJSON(nil)
		if f.RetryAfter != "" {
			header.Set("Retry-After", f.RetryAfter)
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// refusal returns the failure that a request is answered with, nil for a look at the health
// of the process.
func (s *Starting) refusal(r *http.Request) *render.Failure {
	if f, ok := errors.AsType[*render.Failure](s.guard.CheckHost(r)); ok {
		return f
	}
	if r.URL.Path == "/health" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return nil
	}
	f := &render.Failure{
		Status: http.StatusServiceUnavailable, Title: "Starting", RetryAfter: "1",
		Description: "The book is being opened. Try again in a moment.",
	}
	o := s.progress()
	switch {
	case o.Of > 0 && o.Upgrading:
		f.Description = fmt.Sprintf("The log is being upgraded from an older format: %d of %d bytes are copied (%d %%). Try again in a moment.",
			o.Done, o.Of, o.Done*100/o.Of)
	case o.Of > 0:
		f.Description = fmt.Sprintf("The book is being brought up to date: %d of %d records are read (%d %%). Try again in a moment.",
			o.Done, o.Of, o.Done*100/o.Of)
	}
	return f
}
