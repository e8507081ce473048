package control

import (
	"context"
	"net"
	"net/http"
	"os/user"
	"strconv"
)

// Peer is the program at the other end of a connection.
type Peer struct {
	UID uint32
	PID int32
}

// Actor returns the name under which what a user does here is recorded. No account can have
// it, because of its colon.
func Actor(uid int) string {
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return "unix:" + name
}

// Conn is a connection of a client that was let in.
type Conn struct {
	net.Conn
	Peer Peer
}

// peerKey is the key of a request's context for its peer.
type peerKey struct{}

// WithPeer returns a context for the requests of a connection. It is the hook
// [http.Server.ConnContext].
func WithPeer(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := nc.(*Conn); ok {
		ctx = context.WithValue(ctx, peerKey{}, c.Peer)
	}
	return ctx
}

// PeerOf returns the program that sent a request; false when it did not come by the socket.
func PeerOf(r *http.Request) (Peer, bool) {
	p, ok := r.Context().Value(peerKey{}).(Peer)
	return p, ok
}
