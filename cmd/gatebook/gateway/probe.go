package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// probePatience is how long a client from a network of probes may send nothing
// before it is taken for a client. It has to wait where the server speaks first.
const probePatience = 200 * time.Millisecond

// isProbe reports whether the client was a probe: it is from a network of probes and has
// hung up without sending a byte. Such a connection is counted and not recorded. A client
// from there waits until it shows that it is none.
func (s *session) isProbe() bool {
	if !s.origin.isIn(s.service.Probes) {
		return false
	}
	limit := probePatience
	if s.service.Protocol == Postgres {
		limit = s.service.LoginTimeout // the client speaks first
	}
	err := s.client.Await(limit)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		s.sessions.probes.Add(1)
		return true
	case errors.Is(err, net.ErrClosed): // stopped from outside
		return true
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		s.sessions.log.Debug().Err(err).Str("service", s.service.Name).Msg("cannot wait for client")
	}
	return false
}
