package httpd

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

// bodyReader takes reports out of a request's body, and gives the client a while for
// each.
type bodyReader struct {
	from    *bufio.Reader
	control *http.ResponseController
	// limit is how many bytes a report may have; idle how long the client may be
	// silent between two.
	limit int
	idle  time.Duration
	line  bytes.Buffer

	mu      sync.Mutex
	stopped bool // guarded by mu: the server closes
}

// whole reads the one report that the body is, unless it is announced, by its length,
// to be too large: a client that waits to be asked for it (RFC 9110, 10.1.1) never is.
func (b *bodyReader) whole(length int64) ([]byte, error) {
	if length > int64(b.limit+len("\r\n")) {
		return nil, b.tooLarge()
	}
	b.allow(render.PieceTimeout)
	if _, err := io.CopyN(&b.line, b.from, int64(b.limit)+1); err != nil && !errors.Is(err, io.EOF) {
		return nil, unread(err)
	}
	return b.line.Bytes(), b.checkSize()
}

// next reads the next line that is not empty. It is valid until the next call. The
// error is io.EOF after the last one.
func (b *bodyReader) next() ([]byte, error) {
	for {
		b.allow(b.idle)
		if _, err := b.from.Peek(1); errors.Is(err, io.EOF) {
			return nil, io.EOF
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, io.EOF // it has said nothing for long, or the server closes
		} else if err != nil {
			return nil, unread(err)
		}
		b.allow(render.PieceTimeout)
		if err := b.readLine(); err != nil {
			return nil, err
		}
		if line := bytes.TrimSpace(b.line.Bytes()); len(line) > 0 {
			return line, nil
		}
	}
}

func (b *bodyReader) readLine() error {
	b.line.Reset()
	for {
		part, err := b.from.ReadSlice('\n')
		b.line.Write(part)
		if tooLarge := b.checkSize(); tooLarge != nil {
			return tooLarge
		}
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return unread(err)
		}
	}
}

// allow gives the client that long for what is read next, unless the body is to be
// read no further. Without a connection of its own, in tests, it has all the time
// there is.
func (b *bodyReader) allow(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		_ = b.control.SetReadDeadline(time.Now().Add(d))
	}
}

// stopOn has stop called when closing is closed, until the function that it returns
// is called.
func (b *bodyReader) stopOn(closing <-chan struct{}) (done func()) {
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

// stop ends a wait for the client, and all that would come.
func (b *bodyReader) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	_ = b.control.SetReadDeadline(time.Now())
}

func (b *bodyReader) checkSize() error {
	if len(bytes.TrimRight(b.line.Bytes(), "\r\n")) <= b.limit {
		return nil
	}
	return b.tooLarge()
}

func (b *bodyReader) tooLarge() error {
	return &render.Failure{
		Status: http.StatusRequestEntityTooLarge, Title: "Report too large",
		Description: fmt.Sprintf("The report has more than %d bytes, which are allowed. Split it.", b.limit),
	}
}

// unread tells why a body could not be read: to the client, unless it is gone.
func unread(err error) error {
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
		// Who has only closed the sending half still reads.
		return incomplete("The body was cut off: less came than Content-Length says, or the last chunk is missing.")
	case network, errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	return badReport("The body cannot be taken apart into the chunks that Transfer-Encoding announces: %v.", err)
}
