package clients

import (
	"context"
	"sync"
)

// connSet holds the connections that net/http serves, and those whose session is recorded
// and has not ended. Its methods are safe for concurrent use.
type connSet struct {
	mu       sync.Mutex // guards the fields below
	open     map[*Conn]struct{}
	sessions map[uint64]*Conn
	closing  bool
	// empty is closed when sessions becomes empty; nil while nothing waits for that.
	empty chan struct{}
}

func newConnSet() *connSet {
	return &connSet{open: make(map[*Conn]struct{}), sessions: make(map[uint64]*Conn)}
}

// add adds an open connection. When the set is closing it closes the connection.
func (s *connSet) add(c *Conn) {
	s.mu.Lock()
	s.open[c] = struct{}{}
	closing := s.closing
	s.mu.Unlock()
	if closing {
		c.Close()
	}
}

// remove removes a connection that is no longer open.
func (s *connSet) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// all returns the open connections.
func (s *connSet) all() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.open))
	for c := range s.open {
		all = append(all, c)
	}
	return all
}

// close closes the connections that have sent nothing yet, for which net/http would wait, and
// those that are added later.
func (s *connSet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.open {
		if !c.asked.Load() {
			c.Close()
		}
	}
}

// isClosing reports whether close has been called.
func (s *connSet) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// opened adds the session of a connection.
func (s *connSet) opened(id uint64, c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[id] = c
}

// ended removes a session whose end is recorded.
func (s *connSet) ended(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
	if len(s.sessions) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// ofSession returns the connection of a session, nil when it has none here.
func (s *connSet) ofSession(id uint64) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// waitEnded blocks until the end of every session is recorded, or returns the error of
// ctx when that ends first.
func (s *connSet) waitEnded(ctx context.Context) error {
	s.mu.Lock()
	if len(s.sessions) == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
