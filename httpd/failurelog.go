package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/rs/zerolog"

	"gatebook/httpd/render"
	"gatebook/httpd/telemetry"
	"gatebook/storage"
)

// notReady is the title of what /ready answers when it is red. It is no failure of the request: a load balancer asks every
// second, and whatever is wrong is logged by what finds it.
const notReady = "Not ready"

// loggedPlaces is how many damaged places have a line of their own in the log.
const loggedPlaces = 1000

// failureLog logs requests that failed. Damage of one place fails every request that needs it, and has one
// line: the registry says by itself when a file is damaged anew after it was mended. It is safe for concurrent use.
type failureLog struct {
	mu    sync.Mutex // guards the field below
	known map[string]bool
}

// write logs an error and the failure that it is answered with.
func (l *failureLog) write(log zerolog.Logger, r *http.Request, f *render.Failure, err error) {
	if f.Title == notReady || !l.isNew(err) {
		return
	}
	var stack []byte
	if p, ok := errors.AsType[*panicError](err); ok {
		stack = p.stack
	}
	telemetry.Failure(log, r, f.Status, err, stack)
}

// isNew reports whether an error is no damage, or the first of its kind at its place.
func (l *failureLog) isNew(err error) bool {
	fault, ok := errors.AsType[*storage.CorruptError](err)
	if !ok {
		return true
	}
	place := fmt.Sprintf("%s %d %v", fault.File, fault.Sequence, fault.Err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[place] || len(l.known) == loggedPlaces {
		return false
	}
	if l.known == nil {
		l.known = make(map[string]bool)
	}
	l.known[place] = true
	return true
}
