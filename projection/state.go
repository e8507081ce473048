package projection

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"gatebook/events"
)

// ErrImpossible is wrapped by the error of [State.Apply] for a record that does not follow
// from those before it, so that no registry can have written this log. Its sequence is not
// the next one, its session was never opened or its source never started, or it opens a
// session that is in memory. Apply does not check whether the event fits the state of its
// session.
var ErrImpossible = errors.New("record does not fit what came before")

// ArchiveLookup returns a session that ended and left memory; nil if there is none.
type ArchiveLookup func(id uint64) (*Session, error)

// State is the fold of a log up to one sequence.
type State struct {
	// EndedBlock is how many changes of ended sessions are indexed together, at most 65,536. It
	// is set before the first record is applied.
	EndedBlock int

	archive ArchiveLookup
	// applied equals sequence and is read without mu.
	applied atomic.Uint64

	// mu guards all fields below. Readers hold it briefly.
	mu       sync.RWMutex
	sequence uint64
	recorded events.Time
	lastID   uint64 // the highest id of a session so far
	totals   Totals
	changed  Change // the last change of any session

	sessions sessions
	topology topology
	observed observations
	unsaved  unsaved
	recent   recent
}

// Totals count the sessions that ended.
type Totals struct {
	Closed, Lost uint64
}

func (t *Totals) add(status Status, n uint64) {
	switch status {
	case Closed:
		t.Closed += n
	case Lost:
		t.Lost += n
	}
}

// New returns the state of an empty log. The archive may be nil: then every session stays
// known only while it is in memory.
func New(archive ArchiveLookup) *State {
	return &State{EndedBlock: endedBlock, archive: archive, sessions: newSessions(), topology: newTopology(), observed: newObservations()}
}

// DeferIndex forgets the index of the live sessions: searches visit all of them until IndexLive
// is called, and applying records costs a third less.
func (s *State) DeferIndex() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.index, s.sessions.indexed = newLiveIndex(), false
}

// IndexLive makes the index of the live sessions if there is none. It costs the sessions.
func (s *State) IndexLive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.indexLive()
}

// Apply folds a batch of records, the next ones of the log, into the state. It is called
// by one goroutine at a time. Readers see all of the batch or nothing of it, unless it
// fails: then the records before the one that the error names are applied, and nothing of
// that one. Errors: [ErrImpossible], those of the archive.
func (s *State) Apply(batch []events.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.applied.Store(s.sequence) }()
	for i := range batch {
		r := &batch[i]
		if r.Sequence != s.sequence+1 {
			return fmt.Errorf("%w: record %d after %d", ErrImpossible, r.Sequence, s.sequence)
		}
		if err := s.apply(r); err != nil {
			return fmt.Errorf("record %d, %s: %w", r.Sequence, r.Event.Kind(), err)
		}
		s.recent.note(r.Sequence, r.Session)
		s.unsaved.feed.note(s, r)
		s.sequence, s.recorded = r.Sequence, r.Recorded
	}
	return nil
}

func (s *State) apply(r *events.Record) error {
	s.topology.naming = SourceOfEvent(r.Event)
	switch e := r.Event.(type) {
	case *events.SourceStarted:
		s.topology.startSource(r, e, s.lastID+1, s.changed)
	case *events.SourceStopped, *events.SourceLost, *events.SourceSeen:
		return s.topology.applySource(r)
	case *events.RecordingGap:
		s.topology.addGap(r, e)
	case *events.ServiceDeclared:
		s.topology.declareService(r, e)
	case *events.ServerDeclared, *events.ServerChanged:
		s.topology.applyServer(r)
	case *events.SessionOpened:
		return s.openSession(r, e)
	case *events.AccountChanged, *events.HoldChanged, *events.RecordsPruned, *events.PersonErased, *events.LogRestored, *events.KeyRotated:
		// They are in the log and the feed, and change no session.
	default:
		return s.changeSession(r)
	}
	return nil
}

// find returns a session in memory or in the archive; nil if it was never opened.
func (s *State) find(id uint64) (*Session, error) {
	if v := s.sessions.find(id); v != nil || s.archive == nil {
		return v, nil
	}
	return s.archive(id)
}

// Applied returns the sequence of an applied record, without a lock. A lookup after the
// call reflects at least all records up to it.
func (s *State) Applied() uint64 { return s.applied.Load() }

// Sequence returns the sequence and the time of the last applied record.
func (s *State) Sequence() (uint64, events.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sequence, s.recorded
}

// LastID returns the highest id that a session has had.
func (s *State) LastID() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lastID
}
