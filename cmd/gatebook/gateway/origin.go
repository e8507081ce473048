package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
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
	return isIn(proxy.AddrPort(o.conn.RemoteAddr()).Addr(), networks)
}

// isIn reports whether an address is in one of the networks.
func isIn(address netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// address returns the client's address.
func (o *origin) address() netip.AddrPort {
	if o.header.Source.IsValid() {
		return o.header.Source
	}
	return proxy.AddrPort(o.conn.RemoteAddr())
}

// forServer returns the header by which a server learns the client's address, or that of the
// gateway itself.
func (o *origin) forServer(own bool) ([]byte, error) {
	if own {
		h := proxy.Header{Source: proxy.AddrPort(o.conn.LocalAddr()), Destination: proxy.AddrPort(o.conn.RemoteAddr())}
		return h.Format()
	}
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

// awaitProbe blocks until the client sends a byte, or until limit is over. It returns how the
// session ends if the client hangs up instead.
func (o *origin) awaitProbe(limit time.Duration) *ending.Ending {
	switch err := o.conn.Await(limit); {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	default:
		return ending.Lost(relay.Client, err)
	}
}
