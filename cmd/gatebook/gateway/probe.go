package gateway

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// probePatience is how long a client from a network of probes may say nothing
// before it is taken for a client. It has to wait where the server speaks first.
const probePatience = 200 * time.Millisecond

// probing waits, for a client from a network of probes, until it shows that it is
// none, and reports whether it was one: it has hung up without a word, and nobody
// is to know of it but who counts.
func (s *session) probing() bool {
	if !s.fromProbes() {
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

// fromProbes tells whether the client's address is in a network of probes.
func (s *session) fromProbes() bool {
	if len(s.service.Probes) == 0 {
		return false
	}
	tcp, ok := s.client.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	return within(s.service.Probes, tcp.AddrPort().Addr())
}

// within tells whether an address is in one of the networks.
func within(networks []netip.Prefix, address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(address) {
			return true
		}
	}
	return false
}
