package ending_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// TestOfRelay checks the reason and description of each end of a relay.
func TestOfRelay(t *testing.T) {
	t.Parallel()
	reset := fmt.Errorf("read: %w", syscall.ECONNRESET)
	for name, test := range map[string]struct {
		end  relay.End
		last ending.Words
		want ending.Ending
	}{
		"client closed":               {relay.End{First: relay.Client}, ending.Words{Owed: true}, ending.Ending{Reason: events.ReasonClientClosed}},
		"server closed":               {relay.End{First: relay.Server}, ending.Words{Owed: true}, ending.Ending{Reason: events.ReasonServerClosed}},
		"server broke":                {relay.End{First: relay.Server, Err: reset}, ending.Words{Owed: true}, ending.Ending{Reason: events.ReasonNetworkError, Description: "server: connection reset by peer"}},
		"client closed in a pipe":     {relay.End{First: relay.Client, Err: syscall.EPIPE}, ending.Words{Owed: true}, ending.Ending{Reason: events.ReasonClientClosed}},
		"server broke, owing nothing": {relay.End{First: relay.Server, Err: reset}, ending.Words{}, ending.Ending{Reason: events.ReasonServerClosed}},
		"client closed at the server's last word": {
			relay.End{First: relay.Client},
			ending.Words{Goodbye: true, Server: "57P01: the end"},
			ending.Ending{Reason: events.ReasonServerClosed, Description: "57P01: the end"},
		},
		"goodbye, server broke": {relay.End{First: relay.Server, Err: reset}, ending.Words{Goodbye: true}, ending.Ending{Reason: events.ReasonClientClosed}},
	} {
		if got := *ending.OfRelay(test.end, test.last); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

// TestDecide checks that a reason from outside stands.
func TestDecide(t *testing.T) {
	t.Parallel()
	own := &ending.Ending{Reason: events.ReasonNetworkError, Description: "client: connection reset by peer"}
	for stopped, want := range map[events.Reason]string{
		events.ReasonNone:   "network_error: client: connection reset by peer",
		events.ReasonKilled: "killed: ",
		events.ReasonError:  "error: " + ending.Crash,
	} {
		reason, description := own.Decide(stopped)
		if got := fmt.Sprint(reason, ": ", description); got != want {
			t.Errorf("stopped with %v: got %q, want %q", stopped, got, want)
		}
	}
}

// TestCause checks that a cause is in the words of the operating system, without what Go
// puts before them.
func TestCause(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"connection refused":           &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"connection timed out":         fmt.Errorf("dial: %w", context.DeadlineExceeded),
		"lookup nowhere: no such host": &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nowhere"}},
		"something else":               errors.New("something else"),
	} {
		if got := ending.Cause(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !ending.IsNetwork(io.ErrUnexpectedEOF) || ending.IsNetwork(errors.New("no TLS")) {
		t.Error("an error is taken for what it is not")
	}
}
