package relay

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/panics"
)

// Side is one of the two sides that a relay connects.
type Side uint8

// The sides.
const (
	// Neither means that the relay was ended from outside, by closing the sockets.
	Neither Side = iota
	Client
	Server
)

// String returns the side's name.
func (s Side) String() string {
	switch s {
	case Client:
		return "client"
	case Server:
		return "server"
	}
	return "neither"
}

// Options are what a relay needs besides its sockets.
type Options struct {
	// High and Low are the marks of each direction's queue, in bytes. High must
	// be above Low, or 0: then nothing is queued.
	High, Low int
	// Together: neither side goes on without the other. When the client has ended, and the
	// server has all that it sent, both sockets are closed. When the server has ended, the
	// client has Linger to close as well. So has the server, when the client has ended, if Parted
	// reports that it will: the server's last word is heard then. Parted may be nil; the goroutine
	// that calls FromClient calls it.
	Together bool
	Linger   time.Duration
	Parted   func() bool
	// LeaveServer: the relay ends without closing the server's socket, on which nothing is
	// read or written then. The caller closes it.
	LeaveServer bool
	// Stall is how long a side may take nothing of what waits for it; 0 is any time.
	// [Relay.Look] finds that out.
	Stall time.Duration
	// Buffers is shared by all relays.
	Buffers *Buffers
	// FromClient sees what the client sent, in order, before it is written, and returns
	// how many of these bytes may be passed on. Where that is not all of them the relay
	// pauses, with the sockets open. It may be nil, and must not keep its argument.
	FromClient func(p []byte) int
	// FromServer sees what the server sent, in order, before it is written. It may be
	// nil, and must not keep its argument.
	FromServer func(p []byte)
	// Moved is called, by any goroutine, when counters have changed.
	Moved func()
}

// End is how a relay ended.
type End struct {
	// First is the side that ended first.
	First Side
	// Err is what broke that side, nil when it closed in order. It is a [*panics.Error]
	// when a goroutine of the relay panicked, whichever side had ended first.
	Err error
	// Paused: neither side ended. Either FromClient stopped the relay, and Rest is what it
	// did not pass on, or [Interrupt] did. Everything else was passed on, and the sockets
	// are open.
	Paused bool
	Rest   string
}

// Relay moves bytes between two connections, until one end of [Relay.Run].
type Relay struct {
	client, server *Conn
	options        Options
	// up moves the client's bytes, down the server's.
	up, down *pipe
	// linger ends the relay when Linger is over; set by the pipe of the side that has ended first.
	linger *time.Timer
	// paused: both directions are to stop. rest is set by the client's pipe.
	paused atomic.Bool
	rest   string

	// mu guards the rest.
	mu  sync.Mutex
	end End
	// errs are what broke each side, by whichever direction noticed first.
	errs [Server + 1]error
	// caught is the first panic of a goroutine of the relay.
	caught *panics.Error
}

// New returns a relay between client and server.
func New(client, server *Conn, options Options) *Relay {
	r := &Relay{client: client, server: server, options: options}
	r.up = newPipe(r, client, server, Client, Server)
	r.up.passable = options.FromClient
	r.down = newPipe(r, server, client, Server, Client)
	r.down.watch = options.FromServer
	return r
}

// Run moves bytes between client and server until both directions ended or one
// side broke, and closes both, or until it is paused. It is called once. The calling
// goroutine moves the client's bytes. A panic in any of the relay's goroutines, a function
// of the options included, ends the relay and is returned as the end's error.
func (r *Relay) Run() End {
	var wait sync.WaitGroup
	wait.Go(r.down.run)
	r.up.run()
	wait.Wait()
	if r.linger != nil {
		r.linger.Stop()
	}
	if caught := r.panicked(); caught != nil {
		r.close()
		return End{First: r.end.First, Err: caught}
	}
	if r.resumable() {
		return End{Paused: true, Rest: r.rest}
	}
	r.close()
	r.end.Err = r.errs[r.end.First]
	return r.end
}

// ended notes that a side will send no more. A side that closed in order has no err.
func (r *Relay) ended(side Side, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end.First == Neither {
		r.end.First = side
	}
	if r.errs[side] == nil {
		r.errs[side] = err
	}
}

// passEnd announces to the target of a pipe that its source has ended.
func (r *Relay) passEnd(p *pipe) {
	_ = p.to.CloseWrite() // where the side is gone its own pipe notices
	switch {
	case !r.options.Together:
	case p.source == Client && (r.options.Parted == nil || !r.options.Parted()):
		r.close() // the system delivers what the server has not read yet
	case r.first() == p.source:
		r.linger = time.AfterFunc(r.options.Linger, func() { r.guard(r.close) })
	}
}

// first returns the side that has ended first.
func (r *Relay) first() Side {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end.First
}

// broke notes that a side can be neither read nor written, and ends the relay.
func (r *Relay) broke(side Side, err error) {
	switch {
	case errors.Is(err, net.ErrClosed): // by us: whatever closed it has the reason
	case gone(err):
		r.ended(side, nil)
	default:
		r.ended(side, err)
	}
	r.close()
}

// close closes both sockets, or the client's alone, which ends both directions.
func (r *Relay) close() {
	_ = r.client.Close()
	if !r.options.LeaveServer {
		_ = r.server.Close()
		return
	}
	_ = r.server.SetReadDeadline(longAgo())
	_ = r.server.SetWriteDeadline(longAgo())
}
