package login

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// TCP lets clients in whose protocol the gateway does not know. They have no login that it
// could see: a session is established when its server has answered.
type TCP struct{ Service }

// Prepare begins TLS if the gateway speaks TLS to the server.
func (t *TCP) Prepare(server *Server, _ time.Time) error {
	if server.TLS == nil {
		return nil
	}
	return server.startTLS(t.Buffers)
}

// ClientFirst reports false, because it is not known.
func (t *TCP) ClientFirst() bool { return false }

// HalfClose reports true.
func (t *TCP) HalfClose() bool { return true }

// LogIn begins TLS with the client if the service has a certificate, and connects it to a
// server.
func (t *TCP) LogIn(ctx context.Context, s Session) (*Established, *ending.Ending) {
	if t.endsTLS() {
		if end := t.secure(s); end != nil {
			return nil, end
		}
	}
	var first []byte
	if !s.Arrived(ctx) && t.endsTLS() {
		var end *ending.Ending
		if first, end = t.first(s.Client()); end != nil {
			return nil, end
		}
	}
	s.Open(ctx, events.TypeClient)
	if end := s.Admit(); end != nil {
		return nil, end
	}
	server, end := s.Reach(ctx)
	if end != nil {
		return nil, end
	}
	s.Connected(0)
	if err := s.Ready(ctx, events.SessionReady{}, 0); err != nil {
		return nil, ending.Unrecorded(err)
	}
	if len(first) > 0 {
		if _, err := server.Conn.Write(first); err != nil {
			return nil, ending.Lost(relay.Server, err)
		}
	}
	return &Established{Traffic: opaque{}}, nil
}

// ProbePatience is how long a client from a network of probes may send nothing before it is taken
// for a client, where a client may wait for the server.
const ProbePatience = 200 * time.Millisecond

// first returns what the client sends first through TLS within ProbePatience, or how the session
// ends if the client hangs up instead.
func (t *TCP) first(client *relay.Conn) ([]byte, *ending.Ending) {
	p := &packets{conn: client, buffers: t.Buffers}
	defer p.release()
	_ = client.SetReadDeadline(time.Now().Add(ProbePatience))
	err := p.fill()
	_ = client.SetReadDeadline(time.Time{})
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, ending.Lost(relay.Client, err)
	}
	return bytes.Clone(p.rest()), nil
}

// secure begins TLS with the client, within the time of a login. When that is over the
// session is stopped, which what follows finds out.
func (t *TCP) secure(s Session) *ending.Ending {
	c := newClient(s, &t.Service, noErrors{})
	c.startTimer()
	defer c.stopTimer()
	return c.secure(nil)
}

// noErrors is for a protocol without errors.
type noErrors struct{}

func (noErrors) timeoutError(string) []byte { return nil }
