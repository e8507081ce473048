package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"gatebook/httpd/render"
)

// Body reads reports from a request's body.
type Body struct {
	from    *bufio.Reader
	control *http.ResponseController
	limit   int
	idle    time.Duration
	line    lineBuffer

	mu      sync.Mutex
	stopped bool // guarded by mu: nothing more is to be read
}

// NewBody returns the body of a request that is answered to w. limit is how many bytes a
// report may have, idle how long the client may be silent between two. The memory of a large
// report is from the budget; the caller releases the body.
func NewBody(w http.ResponseWriter, from io.Reader, limit int, idle time.Duration, budget *render.Budget) *Body {
	return &Body{
		from: bufio.NewReaderSize(from, render.PieceSize), control: http.NewResponseController(w),
		limit: limit, idle: idle, line: lineBuffer{budget: budget},
	}
}

// Release gives the memory of the body back.
func (b *Body) Release() { b.line.release() }

// EnableFullDuplex lets the answer begin before the body has been read.
func (b *Body) EnableFullDuplex() error {
	if err := b.control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("read and write at once: %w", err)
	}
	return nil
}

// Whole reads the body as one report. It does not begin when the length of the body is
// announced and too large, so that a client that waits to be asked for the body (RFC 9110,
// 10.1.1) does not send it. Errors: a [*render.Failure], [render.ErrClientGone].
func (b *Body) Whole(length int64) ([]byte, error) {
	if length > int64(b.limit+len("\r\n")) {
		return nil, tooLarge("bytes", b.limit)
	}
	b.allow(render.PieceTimeout)
	if _, err := io.CopyN(&b.line, b.from, int64(b.limit)+1); err != nil && !errors.Is(err, io.EOF) {
		return nil, b.unread(err)
	}
	return b.line.text, b.checkSize()
}

// Next reads the next line that is not empty. Errors: io.EOF after the last one, and when
// reading was stopped or the client was silent for too long; a [*render.Failure],
// [render.ErrClientGone].
func (b *Body) Next() ([]byte, error) {
	for {
		b.line.release() // a client that is silent between two reports holds nothing
		b.allow(b.idle)
		if _, err := b.from.Peek(1); errors.Is(err, io.EOF) {
			return nil, io.EOF
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, io.EOF // the client was silent, or reading was stopped
		} else if err != nil {
			return nil, b.unread(err)
		}
		b.allow(render.PieceTimeout)
		if err := b.readLine(); err != nil {
			return nil, err
		}
		if line := bytes.TrimSpace(b.line.text); len(line) > 0 {
			return line, nil
		}
	}
}

func (b *Body) readLine() error {
	for {
		part, err := b.from.ReadSlice('\n')
		if _, err := b.line.Write(part); err != nil {
			return err
		}
		if err := b.checkSize(); err != nil {
			return err
		}
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return b.unread(err)
		}
	}
}

// allow gives the client the duration d for what is read next, unless reading was stopped.
// It does nothing where the connection has no deadlines, as in a test of a handler.
func (b *Body) allow(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		_ = b.control.SetReadDeadline(time.Now().Add(d))
	}
}

// StopOn has reading stopped when closing is closed, until the function that it returns is
// called. That function waits for the goroutine that StopOn starts.
func (b *Body) StopOn(closing <-chan struct{}) (done func()) {
	var waiting sync.WaitGroup
	ended := make(chan struct{})
	waiting.Go(func() {
		select {
		case <-closing:
			b.stop()
		case <-ended:
		}
	})
	return func() {
		close(ended)
		waiting.Wait()
	}
}

// stop ends a read that waits for the client, and all later ones.
func (b *Body) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	_ = b.control.SetReadDeadline(time.Now())
}

func (b *Body) checkSize() error {
	if len(bytes.TrimRight(b.line.text, "\r\n")) <= b.limit {
		return nil
	}
	return tooLarge("bytes", b.limit)
}

// isStopped reports whether reading was stopped.
func (b *Body) isStopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped
}

// unread returns the error that a failed read is answered with.
func (b *Body) unread(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && b.isStopped() {
		return &render.Failure{
			Status: http.StatusServiceUnavailable, Title: "Stopping", RetryAfter: "1",
			Description: "The server is stopping before it has read the report. Nothing of it was recorded; send it again.",
		}
	}
	if f, ok := errors.AsType[*render.Failure](err); ok {
		return f
	}
	incomplete := func(what string) error {
		return &render.Failure{
			Status: http.StatusBadRequest, Title: "Report incomplete",
			Description: what + " Nothing of it was recorded; send it again.",
		}
	}
	_, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return incomplete("The rest of the report did not come in time.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		// A client that has only closed its sending half still reads.
		return incomplete("The body was cut off: less came than Content-Length says, or the last chunk is missing.")
	case network, errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	return invalid("The body cannot be taken apart into the chunks that Transfer-Encoding announces: %v.", err)
}
