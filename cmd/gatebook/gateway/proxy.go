package gateway

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pires/go-proxyproto"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// headerTime limits how long a proxy may take to say whom it brings.
const headerTime = 5 * time.Second

const (
	// shortestHeader is shorter than any header, and long enough to tell the two
	// versions apart.
	shortestHeader = 12
	// longestLine limits a header of version 1, its end included.
	longestLine = 107
	// prefixV2 is what a header of version 2 has before its addresses.
	prefixV2 = 16
	// longestV2 limits one of version 2: addresses of any family and what else
	// proxies add, with room.
	longestV2 = 4 << 10
)

// errNoHeader is what is wrong with a connection that does not begin with a header.
var errNoHeader = errors.New("no header of the PROXY protocol, which every connection from this network begins with")

// arrive finds out where the client is: from a network of proxies each connection
// begins with a header that says so. Elsewhere a header means nothing.
func (s *session) arrive() *ending {
	if !s.isProxied() {
		return nil
	}
	limit := min(headerTime, s.service.LoginTimeout)
	_ = s.client.SetReadDeadline(time.Now().Add(limit))
	header, err := readHeader(s.client)
	_ = s.client.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &ending{reason: events.ReasonLoginTimeout, description: fmt.Sprintf("no header of the PROXY protocol came within %s", limit)}
	case isNetwork(err):
		return lost(relay.Client, err)
	case err != nil:
		return &ending{reason: events.ReasonAuthFailed, description: err.Error()}
	}
	if header.Command.IsProxy() {
		s.origin, s.arrived = addressOf(header.SourceAddr), addressOf(header.DestinationAddr)
	}
	return nil
}

// isProxied tells whether the socket's other end is a proxy whose word counts.
func (s *session) isProxied() bool {
	address := addressOf(s.client.RemoteAddr()).Addr()
	for _, network := range s.service.AcceptProxyProtocol {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// from is the client's address.
func (s *session) from() netip.AddrPort {
	if s.origin.IsValid() {
		return s.origin
	}
	return addressOf(s.client.RemoteAddr())
}

// addressOf is a TCP address, IPv4 in IPv6 unmapped; the zero value for others.
func addressOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	address := tcp.AddrPort()
	return netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port())
}

// readHeader reads a header of either version, and not one byte more: what follows
// is the client's.
func readHeader(r io.Reader) (*proxyproto.Header, error) {
	b := make([]byte, shortestHeader, longestLine)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	var err error
	switch {
	case bytes.Equal(b, proxyproto.SIGV2):
		b, err = readRest(r, b)
	case bytes.HasPrefix(b, proxyproto.SIGV1):
		b, err = readLine(r, b)
	default:
		err = errNoHeader
	}
	if err != nil {
		return nil, err
	}
	header, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		return nil, fmt.Errorf("read header of the PROXY protocol: %w", err)
	}
	return header, nil
}

// readLine reads a header of version 1 to the end of its line.
func readLine(r io.Reader, b []byte) ([]byte, error) {
	for b[len(b)-1] != '\n' {
		if len(b) == longestLine {
			return nil, fmt.Errorf("read header of the PROXY protocol: %w", proxyproto.ErrVersion1HeaderTooLong)
		}
		b = append(b, 0)
		if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// readRest reads a header of version 2 from its command on.
func readRest(r io.Reader, b []byte) ([]byte, error) {
	b = append(b, make([]byte, prefixV2-len(b))...)
	if _, err := io.ReadFull(r, b[shortestHeader:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(b[prefixV2-2:]))
	if length > longestV2 {
		return nil, fmt.Errorf("read header of the PROXY protocol: %w: %d bytes", proxyproto.ErrInvalidLength, length)
	}
	b = append(b, make([]byte, length)...)
	if _, err := io.ReadFull(r, b[prefixV2:]); err != nil {
		return nil, err
	}
	return b, nil
}

// header is what a server is told of the client: version 2 of the PROXY protocol.
func (s *session) header() ([]byte, error) {
	to := s.arrived
	if !to.IsValid() {
		to = addressOf(s.client.LocalAddr())
	}
	header := proxyproto.HeaderProxyFromAddrs(2, net.TCPAddrFromAddrPort(s.from()), net.TCPAddrFromAddrPort(to))
	return header.Format()
}
