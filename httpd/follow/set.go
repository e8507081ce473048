package follow

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"gatebook"
	"gatebook/httpd/render"
	"gatebook/internal/calls"
	"gatebook/projection"
)

const (
	// WriteTimeout is how long a follower may take nothing before it is cut off. A follower
	// that waits costs nothing, and one that comes back goes on where it was.
	WriteTimeout = 10 * time.Minute
	// closeTimeout is how long a follower may take for what is being sent when the set is
	// closed.
	closeTimeout = time.Second
	// heartbeat is how often a follower is sent something when there are no records for it.
	heartbeat = 15 * time.Second
	// pauseStep is how long a follower pauses after it has read records, for each hundred
	// followers and at most longestPause, so that not every commit wakes all of them.
	pauseStep    = 20 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// Log is what followers read. [gatebook.Registry] is one.
type Log interface {
	Feed(after uint64, only gatebook.EventFilter) *gatebook.Feed
	SessionsContext(ctx context.Context, q gatebook.Query) (*gatebook.Listing, error)
	Session(id uint64) (projection.View, projection.Moment, error)
	Moment() projection.Moment
	RecordedAt(sequence uint64) (time.Time, error)
	LogID() [16]byte
}

// Set holds the followers of a log. Its methods are safe for concurrent use.
type Set struct {
	// WriteTimeout is how long a follower may take nothing. It is not changed while there
	// are any.
	WriteTimeout time.Duration
	// Heartbeat is how often a follower is sent its place in the log, or a comment where it has
	// not moved, when there are no records for it. It is not changed while there are any.
	Heartbeat time.Duration

	log Log
	// turns are those of the followers, and of other readers of the log, that read and render.
	turns *calls.Turns
	// shared is what all followers are sent.
	shared sharedEvents

	mu     sync.Mutex // guards the fields below
	stops  map[*func()]struct{}
	closed bool
}

// NewSet returns a set without followers.
func NewSet(log Log) *Set {
	s := &Set{
		WriteTimeout: WriteTimeout, Heartbeat: heartbeat, log: log,
		turns: calls.NewTurns(0), stops: make(map[*func()]struct{}),
	}
	s.shared.key, s.shared.history = s.keyOf, history{log.LogID()}
	return s
}

// Serve sends a client the records that it asks for, until ctx ends, the set is closed, the
// log is closed, or as many were sent as were asked for. Errors: [render.ErrClientGone], and
// those of reading the log.
func (s *Set) Serve(ctx context.Context, w http.ResponseWriter, o Options) error {
	f := &follower{Options: o, set: s, w: w, control: http.NewResponseController(w), feed: s.log.Feed(o.After, o.Only)}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer s.add(func() {
		stop()
		_ = render.AllowWrite(f.control, closeTimeout) // a client that is gone needs no time
	})()
	err := f.run(ctx)
	if ctx.Err() != nil && !errors.Is(err, render.ErrClientGone) || errors.Is(err, gatebook.ErrClosed) {
		return nil
	}
	return err
}

// keyOf returns the key of a session, "" for none.
func (s *Set) keyOf(id uint64) string {
	v, _, err := s.log.Session(id)
	if err != nil {
		return ""
	}
	return v.Key()
}

// Len returns how many followers there are.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.stops)
}

// Close stops all followers, and those that come later. It does not wait for them.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for stop := range s.stops {
		(*stop)()
	}
}

// add adds a follower, for which Close calls stop, which must not block. When the set is
// closed already, add calls it. Once remove has returned, stop is not called any more.
func (s *Set) add(stop func()) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		stop()
		return func() {}
	}
	s.stops[&stop] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.stops, &stop)
	}
}

// allowWrite gives a follower time to take what is written next, unless the set is closed:
// the deadline of Close stays then.
func (s *Set) allowWrite(to *http.ResponseController) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return render.AllowWrite(to, s.WriteTimeout)
}

// pause returns how long a follower pauses after it has read records.
func (s *Set) pause() time.Duration {
	return min(pauseStep*time.Duration(1+s.Len()/100), longestPause)
}

// InTurn calls do when it is the caller's turn. do must not wait for a client. A caller that is
// not patient, because its answer has not begun, gets [gatebook.ErrCrowded] where others read
// too much. InTurn returns the error of ctx when that ends before the turn comes.
func (s *Set) InTurn(ctx context.Context, patient bool, do func() error) error {
	if err := s.turns.Take(ctx, patient); err != nil {
		return err
	}
	defer s.turns.Leave()
	return do()
}
