package projection

import (
	"runtime"
	"sync"

	"gatebook/events/wire"
)

const (
	// loadedRows is how many rows of sessions are decoded at a time.
	loadedRows = 512
	// loaders is the most goroutines that decode.
	loaders = 4
)

// rows are rows of live sessions, and the sessions that they are decoded into.
type rows struct {
	bytes    []byte // of all rows, one after the other
	ends     []int  // of each row in bytes
	sessions []*Session
	err      error
	decoded  chan struct{} // holds one when the sessions or err are set
}

func newRows() *rows { return &rows{decoded: make(chan struct{}, 1)} }

// add adds a copy of a row.
func (r *rows) add(value []byte) {
	r.bytes = append(r.bytes, value...)
	r.ends = append(r.ends, len(r.bytes))
}

// decode decodes the rows, with one copy of equal strings.
func (r *rows) decode(strings *wire.Strings) {
	defer func() { r.decoded <- struct{}{} }()
	begin := 0
	var c wire.Coder
	for _, end := range r.ends {
		v, err := decodeSession(r.bytes[begin:end], strings, &c)
		if err != nil {
			r.err = err
			return
		}
		r.sessions, begin = append(r.sessions, v), end
	}
}

// loadLive loads the live sessions. What costs most, decoding them, is done by a few goroutines
// beside reading their rows and opening them in their order. They have ended when it returns.
func (s *State) loadLive(scan Scan) error {
	n := min(loaders, runtime.GOMAXPROCS(0))
	work, ordered, free := make(chan *rows, n), make(chan *rows, 2*n), make(chan *rows, 4*n)
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			var strings wire.Strings
			for r := range work {
				r.decode(&strings)
			}
		})
	}
	var failed error
	running.Go(func() { failed = s.openAll(ordered, free) })
	err := func() error {
		defer close(ordered)
		defer close(work)
		return scanRows(scan, free, func(r *rows) { work <- r; ordered <- r })
	}()
	running.Wait()
	if failed != nil { // a row that could not be decoded comes before one that could not be read
		return failed
	}
	return err
}

// scanRows calls take with the rows of the live sessions, some at a time, in rows that are free or
// new.
func scanRows(scan Scan, free <-chan *rows, take func(*rows)) error {
	open := newRows()
	err := scan(tableLive, func(_, value []byte) error {
		if open.add(value); len(open.ends) < loadedRows {
			return nil
		}
		take(open)
		select {
		case open = <-free:
		default:
			open = newRows()
		}
		return nil
	})
	take(open)
	return err
}

// openAll opens sessions when they are decoded, up to the first error. The rows are free then.
func (s *State) openAll(ordered <-chan *rows, free chan<- *rows) (err error) {
	for r := range ordered {
		if <-r.decoded; err == nil {
			err = r.err
		}
		if err == nil {
			for _, v := range r.sessions {
				s.sessions.open(v)
			}
		}
		r.bytes, r.ends, r.sessions = r.bytes[:0], r.ends[:0], r.sessions[:0]
		select {
		case free <- r:
		default: // enough are free
		}
	}
	return err
}
