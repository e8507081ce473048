package client

import (
	"context"
	"fmt"
	"io"
	"time"
)

// pause is how long a server may send nothing in the middle of an answer. The longest pause that a server
// makes by itself is that in which it reads what it sends next, which is a mebibyte at most; a client has as long
// to take it (render.PieceTimeout).
const pause = time.Minute

// StalledError reports a server that has sent nothing for too long in the middle of an answer.
type StalledError struct {
	// Address is that of the server, After how long nothing came.
	Address string
	After   time.Duration
}

func (e *StalledError) Error() string {
	return fmt.Sprintf("%s has sent nothing for %s in the middle of its answer; its process may be stopped, its machine overloaded, or the network cut", e.Address, e.After)
}

// pausingBody is the body of an answer that the server may not stop sending. Only the time in which the caller
// waits for it counts. It is for one goroutine.
type pausingBody struct {
	io.ReadCloser
	request context.Context
	end     context.CancelCauseFunc // of the request
	stalled *StalledError
}

// Read reads what comes next. The error is a [*StalledError] where nothing came for its time.
func (b *pausingBody) Read(p []byte) (int, error) {
	watch := time.AfterFunc(b.stalled.After, func() { b.end(b.stalled) })
	defer watch.Stop()
	n, err := b.ReadCloser.Read(p)
	if err != nil && context.Cause(b.request) == b.stalled {
		err = b.stalled
	}
	return n, err
}

// Close ends the request.
func (b *pausingBody) Close() error {
	err := b.ReadCloser.Close()
	b.end(nil)
	return err
}
