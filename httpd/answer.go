package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/projection"
)

const (
	// piece is how much of a list is rendered before it is sent.
	piece = 32 << 10
	// patience is how long a client may take for one piece.
	patience = time.Minute
	// indent is what pretty indents by.
	indent = "    "

	headerSequence = "Gatebook-Sequence"
	headerTotal    = "X-Total-Count"
)

// answer is a successful answer under way.
type answer struct {
	c      *gin.Context
	b      []byte  // what is rendered and not sent
	buffer *[]byte // where b came from, and goes back to
	pool   *sync.Pool
	sent   bool // pieces were sent
	pretty bool
	rendering
}

// answer begins one that is of that moment. It must be released.
func (s *Server) answer(c *gin.Context, m projection.Moment, p parameters) *answer {
	stamp(c, m.Sequence)
	c.Writer.Header()["Content-Type"] = s.contentType
	buffer, ok := s.buffers.Get().(*[]byte)
	if !ok {
		buffer = new(make([]byte, 0, piece+piece/4))
	}
	return &answer{
		c: c, b: (*buffer)[:0], buffer: buffer, pool: &s.buffers, pretty: p.pretty,
		rendering: rendering{now: events.TimeOf(s.registry.Now())},
	}
}

func (a *answer) release() {
	*a.buffer = a.b[:0]
	a.pool.Put(a.buffer)
}

// stamp tells the client which moment its answer is of.
func stamp(c *gin.Context, sequence uint64) {
	c.Writer.Header()[headerSequence] = []string{strconv.FormatUint(sequence, 10)}
}

// object answers with one object.
func object[T any](a *answer, status int, s shape[T], v T) error {
	start := len(a.b)
	a.b = s.append(a.b, &a.rendering, v)
	if err := a.indent(start, ""); err != nil {
		return err
	}
	a.b = append(a.b, '\n')
	a.c.Status(status)
	return a.finish()
}

// list answers with an array, which is sent as it is rendered. total is how many
// there are in all.
func list[T any](a *answer, total uint64, s shape[T], all iter.Seq2[T, error]) error {
	a.c.Writer.Header()[headerTotal] = []string{strconv.FormatUint(total, 10)}
	a.b = append(a.b, '[')
	empty := true
	for v, err := range all {
		if err != nil {
			return err
		}
		if !empty {
			a.b = append(a.b, ',')
		}
		empty = false
		if a.pretty {
			a.b = append(a.b, "\n"+indent...)
		}
		start := len(a.b)
		a.b = s.append(a.b, &a.rendering, v)
		if err := a.indent(start, indent); err != nil {
			return err
		}
		if len(a.b) < piece {
			continue
		}
		if a.c.Request.Method == http.MethodHead {
			a.c.Writer.WriteHeaderNow()
			return nil
		}
		if err := a.send(); err != nil {
			return err
		}
	}
	if a.pretty && !empty {
		a.b = append(a.b, '\n')
	}
	a.b = append(a.b, "]\n"...)
	return a.finish()
}

// indent makes what was rendered from start on readable, when that is wanted.
func (a *answer) indent(start int, prefix string) error {
	if !a.pretty {
		return nil
	}
	var readable bytes.Buffer
	if err := json.Indent(&readable, a.b[start:], prefix, indent); err != nil {
		return fmt.Errorf("indent the answer: %w", err)
	}
	a.b = append(a.b[:start], readable.Bytes()...)
	return nil
}

// send sends what is rendered of a list. The client has a while to take it.
func (a *answer) send() error {
	err := http.NewResponseController(a.c.Writer).SetWriteDeadline(time.Now().Add(patience))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	a.sent = true
	err = a.write()
	a.b = a.b[:0]
	return err
}

// finish sends the rest. An answer in one piece tells its length.
func (a *answer) finish() error {
	if a.sent {
		return a.send()
	}
	a.c.Writer.Header()["Content-Length"] = []string{strconv.Itoa(len(a.b))}
	return a.write()
}

func (a *answer) write() error {
	if _, err := a.c.Writer.Write(a.b); err != nil {
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
