package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

const (
	// shortestHeader is shorter than any header, and long enough to show its version.
	shortestHeader = 12
	// longestLine limits a header of version 1, its end included.
	longestLine = 107
)

// errNoHeader is what is wrong with a connection that does not begin with a header.
var errNoHeader = errors.New("no header of the PROXY protocol, which every connection from this network begins with")

// Header is the two ends of the connection that a proxy brings. Both are the zero value
// where the header has none, as that of a proxy's own health check.
type Header struct {
	// Source is the client's address, Destination the one that it connected to.
	Source, Destination netip.AddrPort
}

// Read reads a header of either version. An error of r is returned as it is.
func Read(r io.Reader) (Header, error) {
	raw, err := read(r)
	if err != nil || !raw.Command.IsProxy() {
		return Header{}, err
	}
	return Header{Source: AddrPort(raw.SourceAddr), Destination: AddrPort(raw.DestinationAddr)}, nil
}

// read reads a header of either version, and not one byte more.
func read(r io.Reader) (*proxyproto.Header, error) {
	b := make([]byte, shortestHeader, longestLine)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	var err error
	switch {
	case bytes.Equal(b, proxyproto.SIGV2):
		b, err = readVersion2(r, b)
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
		return nil, malformed(err)
	}
	return header, nil
}

func malformed(err error) error { return fmt.Errorf("read header of the PROXY protocol: %w", err) }

// readLine reads a header of version 1 to the end of its line.
func readLine(r io.Reader, b []byte) ([]byte, error) {
	for b[len(b)-1] != '\n' {
		if len(b) == longestLine {
			return nil, malformed(proxyproto.ErrVersion1HeaderTooLong)
		}
		b = append(b, 0)
		if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Begins reports whether b begins like a header of either version. Fewer than 4 bytes do not show
// that.
func Begins(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, signature := range [][]byte{proxyproto.SIGV1, proxyproto.SIGV2} {
		n := min(len(b), len(signature))
		if bytes.Equal(b[:n], signature[:n]) {
			return true
		}
	}
	return false
}

// Format returns the header as the bytes of version 2.
func (h Header) Format() ([]byte, error) {
	from, to := net.TCPAddrFromAddrPort(h.Source), net.TCPAddrFromAddrPort(h.Destination)
	return proxyproto.HeaderProxyFromAddrs(2, from, to).Format()
}

// AddrPort returns a TCP address, IPv4 in IPv6 unmapped and without a zone. It returns the
// zero value for other addresses.
func AddrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	address := tcp.AddrPort()
	return netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port())
}
