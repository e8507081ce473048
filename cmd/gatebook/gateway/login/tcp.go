package login

import (
	"context"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
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
	s.Open(ctx, events.TypeClient)
	if end := s.Admit(); end != nil {
		return nil, end
	}
	if _, end := s.Reach(ctx); end != nil {
		return nil, end
	}
	s.Connected(0)
	if err := s.Ready(ctx, events.SessionReady{}, 0); err != nil {
		return nil, ending.Unrecorded(err)
	}
	return &Established{Traffic: opaque{}}, nil
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
