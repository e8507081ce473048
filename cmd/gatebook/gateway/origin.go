package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/proxy"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// origin is where a session's client is: at the other end of its socket, or behind a proxy
// that stands there.
type origin struct {
	conn *relay.Conn
	// header is what a proxy has sent; the zero value where none has.
	header proxy.Header
}

// isIn reports whether the socket's other end is in one of the networks.
func (o *origin) isIn(networks []netip.Prefix) bool {
	address := proxy.AddrPort(o.conn.RemoteAddr()).Addr()
	for _, n := range networks {
		if n.Contains(address) {
			return true
		}
	}
	return false
}

// address returns the client's address.
func (o *origin) address() netip.AddrPort {
	if o.header.Source.IsValid() {
		return o.header.Source
	}
	return proxy.AddrPort(o.conn.RemoteAddr())
}

// forServer returns the header by which a server learns the client's address.
func (o *origin) forServer() ([]byte, error) {
	h := proxy.Header{Source: o.address(), Destination: o.header.Destination}
	if !h.Destination.IsValid() {
		h.Destination = proxy.AddrPort(o.conn.LocalAddr())
	}
	return h.Format()
}

// readProxyHeader reads the header that a proxy sends before anything else.
func (o *origin) readProxyHeader(limit time.Duration) *ending.Ending {
	_ = o.conn.SetReadDeadline(time.Now().Add(limit))
	header, err := proxy.Read(o.conn)
	_ = o.conn.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &ending.Ending{
			Reason:      events.ReasonLoginTimeout,
			Description: fmt.Sprintf("no header of the PROXY protocol came within %s", limit),
		}
	case ending.IsNetwork(err):
		return ending.Lost(relay.Client, err)
	case err != nil:
		return &ending.Ending{Reason: events.ReasonAuthFailed, Description: err.Error()}
	}
	o.header = header
	return nil
}

// probePatience is how long a client from a network of probes may send nothing
// before it is taken for a client, where a client may wait for the server.
const probePatience = 200 * time.Millisecond

// isProbe reports whether the client hangs up without sending a byte. It blocks until the
// client sends one or hangs up, or until limit is over. closed reports whether the gateway
// has closed the socket instead.
func (o *origin) isProbe(limit time.Duration) (probe, closed bool, err error) {
	err = o.conn.Await(limit)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return true, false, nil
	case errors.Is(err, net.ErrClosed):
		return false, true, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, false, nil
	}
	return false, false, err
}
