package render

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gatebook/events"
)

const (
	// PieceSize is how much of a list is rendered before it is first sent.
	PieceSize = 32 << 10
	// largePiece is how much is rendered before it is sent again: each sending costs, and
	// net/http begins one with 4 KiB.
	largePiece = 256 << 10
	// zipBytes is about how much memory compressing takes.
	zipBytes = 512 << 10
	// PieceTimeout is how long a client may take for one piece.
	PieceTimeout = time.Minute
)

// Pool holds the memory of answers that are over. The zero value is empty. Its methods are
// safe for concurrent use.
type Pool struct {
	// Budget is where the memory of long answers is from; nil has no bound. It is not changed
	// once the pool is in use.
	Budget *Budget

	buffers, zips sync.Pool // of *[]byte, to render into, and of *gzip.Writer
}

// Options says how an answer is sent.
type Options struct {
	Representation
	// Pretty indents JSON.
	Pretty bool
	// HeadOnly ends a list after its first piece: the request is HEAD, whose body net/http
	// does not send.
	HeadOnly bool
	// Now is the end of spans of time that have not ended.
	Now events.Time
}

// Begin begins an answer to w. The caller releases it.
func (p *Pool) Begin(w http.ResponseWriter, o Options) *Answer {
	buffer, ok := p.buffers.Get().(*[]byte)
	if !ok {
		buffer = new(make([]byte, 0, PieceSize+PieceSize/4))
	}
	return &Answer{pool: p, w: w, Options: o, b: (*buffer)[:0], buffer: buffer, Rendering: Rendering{Now: o.Now}}
}

// Answer is a successful answer under way.
type Answer struct {
	Options
	// Rendering is the state that the values of the answer share.
	Rendering Rendering

	pool   *Pool
	w      http.ResponseWriter
	b      []byte       // rendered and not sent
	buffer *[]byte      // where b came from, and goes back to
	held   int          // bytes from the budget
	sent   bool         // a piece was sent
	zip    *gzip.Writer // compresses what is sent; nil while nothing is compressed
}

// Release gives the answer's memory back, whether the answer was finished or not.
func (a *Answer) Release() {
	if cap(a.b) <= 2*PieceSize { // the memory of a long list is not kept
		*a.buffer = a.b[:0]
	}
	a.pool.buffers.Put(a.buffer)
	a.pool.Budget.Give(a.held)
	if a.zip != nil {
		a.zip.Reset(io.Discard) // so that it does not hold the request
		a.pool.zips.Put(a.zip)
	}
}

// Object answers with one object. Errors: [ErrClientGone].
func Object[T any](a *Answer, status int, s Shape[T], v T) error {
	a.b = s.Append(a.b, &a.Rendering, v)
	if a.Pretty {
		var err error
		if a.b, err = Indented(a.b); err != nil {
			return err
		}
	}
	a.b = append(a.b, '\n')
	a.w.WriteHeader(status)
	return a.Finish()
}

// List answers with a list, which is sent as it is rendered. It returns the first error of
// the list, after which the answer is incomplete. Errors: [ErrClientGone].
func List[T any](a *Answer, s Shape[T], all iter.Seq2[T, error]) error {
	l := layoutOf(a.Form, a.Pretty, s)
	a.b = append(a.b, l.before...)
	empty, enough := true, PieceSize
	for v, err := range all {
		if err != nil {
			return err
		}
		if !empty {
			a.b = append(a.b, l.between...)
		}
		empty = false
		if a.b, err = l.element(a.b, &a.Rendering, v); err != nil {
			return err
		}
		if len(a.b) < enough {
			continue
		}
		if err := a.send(); err != nil {
			return err
		}
		if a.HeadOnly {
			return nil
		}
		if enough == PieceSize && a.hold(largePiece) {
			enough, a.b = largePiece, make([]byte, 0, largePiece+PieceSize)
		}
	}
	if a.Pretty && !empty && a.Form == "" {
		a.b = append(a.b, '\n')
	}
	a.b = append(a.b, l.after...)
	return a.Finish()
}

// hold takes memory for the answer from the budget, until the answer is released. It reports
// false when there is none left.
func (a *Answer) hold(bytes int) bool {
	if !a.pool.Budget.Take(bytes) {
		return false
	}
	a.held += bytes
	return true
}

// Each yields the elements of a list in memory, without an error.
func Each[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Write appends b to the body, which Finish sends. It does not fail.
func (a *Answer) Write(b []byte) (int, error) {
	a.b = append(a.b, b...)
	return len(b), nil
}

// Finish sends the rest of the body. An answer of one piece has its length as a header.
// Errors: [ErrClientGone].
func (a *Answer) Finish() error {
	if a.sent {
		if err := a.send(); err != nil {
			return err
		}
		return a.closeZip()
	}
	if a.Gzip && (!a.Plain || len(a.b) >= worthwhile && a.hold(zipBytes)) {
		a.compress()
		if err := a.write(); err != nil {
			return err
		}
		return a.closeZip()
	}
	a.w.Header()["Content-Length"] = []string{strconv.Itoa(len(a.b))}
	return a.write()
}

// send sends the piece that is rendered.
func (a *Answer) send() error {
	err := AllowWrite(http.NewResponseController(a.w), PieceTimeout)
	if err != nil {
		return err
	}
	if !a.sent && a.Gzip && (!a.Plain || a.hold(zipBytes)) {
		a.compress()
	}
	a.sent = true
	err = a.write()
	a.b = a.b[:0]
	return err
}

func (a *Answer) write() error {
	var w io.Writer = a.w
	if a.zip != nil {
		w = a.zip
	}
	if _, err := w.Write(a.b); err != nil {
		return fmt.Errorf("%w: %w", ErrClientGone, err)
	}
	return nil
}

// compress has the body compressed from now on. It changes headers, so it comes before the
// first write.
func (a *Answer) compress() {
	header := a.w.Header()
	header["Content-Encoding"] = []string{"gzip"}
	if tag := header["Etag"]; tag != nil {
		header["Etag"] = []string{zippedTag(tag[0])}
	}
	zip, ok := a.pool.zips.Get().(*gzip.Writer)
	if !ok {
		zip, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is valid
	}
	zip.Reset(a.w)
	a.zip = zip
}

// closeZip ends the compressed stream.
func (a *Answer) closeZip() error {
	if a.zip == nil {
		return nil
	}
	if err := a.zip.Close(); err != nil {
		return fmt.Errorf("%w: %w", ErrClientGone, err)
	}
	return nil
}

// AllowWrite gives the client of a response the duration d for what is written next. It does
// nothing where the connection has no deadlines, as in a test of a handler. Errors:
// [ErrClientGone].
func AllowWrite(to *http.ResponseController, d time.Duration) error {
	err := to.SetWriteDeadline(time.Now().Add(d))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", ErrClientGone, err)
	}
	return nil
}
