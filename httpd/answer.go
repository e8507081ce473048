package httpd

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"
)

const (
	// piece is how much of a list is rendered before it is sent, and largePiece how much
	// after that: of a list that is long each sending costs, and begins with 4 KiB alone.
	piece      = 32 << 10
	largePiece = 256 << 10
	// patience is how long a client may take for one piece.
	patience = time.Minute
	// indent is what pretty indents by.
	indent = "    "
)

// answer is a successful answer under way.
type answer struct {
	pools  *answers
	w      http.ResponseWriter
	head   bool    // the request is HEAD: no body is sent
	b      []byte  // what is rendered and not sent
	buffer *[]byte // where b came from, and goes back to
	sent   bool    // pieces were sent
	pretty bool
	zip    *gzip.Writer // not nil: what is sent is compressed by it
	representation
	rendering
}

// release ends the use of an answer, whether it was finished or not.
func (a *answer) release() {
	if cap(a.b) <= 2*piece { // a long list's own memory is not kept
		*a.buffer = a.b[:0]
	}
	a.pools.buffers.Put(a.buffer)
	if a.zip != nil {
		a.zip.Reset(io.Discard) // it holds the request no longer
		a.pools.zips.Put(a.zip)
	}
}

// object answers with one object.
func object[T any](a *answer, status int, s shape[T], v T) error {
	a.b = s.append(a.b, &a.rendering, v)
	if a.pretty {
		var err error
		if a.b, err = indented(a.b, 0, ""); err != nil {
			return err
		}
	}
	a.b = append(a.b, '\n')
	a.w.WriteHeader(status)
	return a.finish()
}

// list answers with a list, which is sent as it is rendered.
func list[T any](a *answer, s shape[T], all iter.Seq2[T, error]) error {
	l := layoutOf(a.form, a.pretty, s)
	a.b = append(a.b, l.before...)
	empty, enough := true, piece
	for v, err := range all {
		if err != nil {
			return err
		}
		if !empty {
			a.b = append(a.b, l.between...)
		}
		empty = false
		if a.b, err = l.element(a.b, &a.rendering, v); err != nil {
			return err
		}
		if len(a.b) < enough {
			continue
		}
		if err := a.send(); err != nil {
			return err
		}
		if a.head {
			return nil // the header is all there is to send
		}
		if enough == piece {
			enough, a.b = largePiece, make([]byte, 0, largePiece+piece)
		}
	}
	if a.pretty && !empty && a.form == "" {
		a.b = append(a.b, '\n')
	}
	a.b = append(a.b, l.after...)
	return a.finish()
}

// send sends what is rendered of a list. The client has a while to take it.
func (a *answer) send() error {
	err := allowWrite(a.w, patience)
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if !a.sent && a.gzip {
		a.compress()
	}
	a.sent = true
	err = a.write()
	a.b = a.b[:0]
	return err
}

// finish sends the rest. An answer in one piece tells its length.
func (a *answer) finish() error {
	if a.sent {
		if err := a.send(); err != nil {
			return err
		}
		return a.flush()
	}
	if a.gzip && (len(a.b) >= worthwhile || !a.plain) {
		a.compress()
		if err := a.write(); err != nil {
			return err
		}
		return a.flush()
	}
	a.w.Header()["Content-Length"] = []string{strconv.Itoa(len(a.b))}
	return a.write()
}

func (a *answer) write() error {
	var w io.Writer = a.w
	if a.zip != nil {
		w = a.zip
	}
	if _, err := w.Write(a.b); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// flush ends what is compressed.
func (a *answer) flush() error {
	if a.zip == nil {
		return nil
	}
	if err := a.zip.Close(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// each makes a sequence of a list that is in memory.
func each[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Write appends to what is sent when the answer is finished. It does not fail.
func (a *answer) Write(b []byte) (int, error) {
	a.b = append(a.b, b...)
	return len(b), nil
}
