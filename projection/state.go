package projection

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"gatebook/events"
)

// ErrImpossible is wrapped by the error of [State.Apply] for a record that does
// not follow from those before it, so that the log is not one that a registry
// wrote: its sequence is not the next one, it is about a session that was never
// opened or a source that was never started, or it opens a session that is in
// memory. Whether the event fits the state of its session is not looked at.
var ErrImpossible = errors.New("record does not fit what came before")

// Archive finds a session that ended and left memory; nil when there is none.
type ArchiveLookup func(id uint64) (*Session, error)

// State is the fold of a log up to one sequence.
type State struct {
	archive ArchiveLookup
	// applied is sequence, for a look without the lock.
	applied atomic.Uint64

	// mu guards all below. Apply is the only writer of what is folded; readers hold
	// it for moments.
	mu       sync.RWMutex
	sequence uint64
	recorded events.Time
	lastID   uint64 // the highest id of a session so far

	live       table
	index      liveIndex           // of live
	ended      map[uint64]*Session // ended, not archived yet
	sourceKeys sourceKeys          // of those in memory
	services   entities[Service]
	servers    entities[Server]
	sources    entities[Source]
	totals     Totals
	changed    Change // of any session

	// saved is the sequence of the last checkpoint that was collected, unless it
	// was not saved; dirty are the sessions that changed since, each once.
	saved uint64
	dirty []uint64
	// collected is the highest sequence of a checkpoint that was collected, whatever
	// became of it.
	collected uint64
	// endedSince are the changes to sessions that had ended, or did by it, since the last
	// checkpoint was collected, in their order, and endedSaving those of the one that
	// is being written. They are only appended to, so that a reader can go on without
	// the lock with what it has of them.
	endedSince, endedSaving []*Session

	observed map[uint64]*Observation
	// observations counts how often something was observed.
	observations uint64
	// over counts the sessions that are observed to be over.
	over int
}

// Totals count the sessions that ended.
type Totals struct {
	Closed, Lost uint64
}

// New returns the state of an empty log.
func New(archive ArchiveLookup) *State {
	return &State{
		archive:    archive,
		ended:      make(map[uint64]*Session),
		sourceKeys: make(sourceKeys),
		index:      make(liveIndex),
		observed:   make(map[uint64]*Observation),
		services:   newEntities[Service](),
		servers:    newEntities[Server](),
		sources:    newEntities[Source](),
	}
}

// entities are declared things by the key of their name, in the order in which
// they were first met. They are changed in place, under the state's lock; readers
// get copies.
type entities[T any] struct {
	byKey map[string]*T
	order []string
}

func newEntities[T any]() entities[T] { return entities[T]{byKey: make(map[string]*T)} }

func (e *entities[T]) find(name string) *T { return e.byKey[NameKey(name)] }

// own returns the entity of that name to change, made anew if there is none. One
// that has no name is not kept: it would be everybody's who gives none.
func (e *entities[T]) own(name string, make func() *T) *T {
	key := NameKey(name)
	v := e.byKey[key]
	if v == nil {
		if v = make(); key == "" {
			return v
		}
		e.order = append(e.order, key)
		e.byKey[key] = v
	}
	return v
}

// copy returns a copy of the entity of that name, nil when there is none.
func (e *entities[T]) copy(name string) *T {
	v := e.find(name)
	if v == nil {
		return nil
	}
	c := *v
	return &c
}

func (e *entities[T]) list() []*T {
	all := make([]T, len(e.order))
	pointers := make([]*T, len(e.order))
	for i, key := range e.order {
		all[i] = *e.byKey[key]
		pointers[i] = &all[i]
	}
	return pointers
}

// Apply folds a batch of records, the next ones of the log, into the state. It is
// called by one goroutine at a time. Readers see all of the batch or nothing of it,
// unless it fails: then the records before the one that the error names have been
// applied, and of that one nothing. Errors: [ErrImpossible], those of the archive.
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
		s.sequence, s.recorded = r.Sequence, r.Recorded
	}
	return nil
}

func (s *State) apply(r *events.Record) error {
	switch e := r.Event.(type) {
	case *events.SourceStarted, *events.SourceStopped, *events.SourceLost, *events.SourceSeen:
		return s.applySource(r)
	case *events.ServiceDeclared:
		s.declareService(r, e)
		return nil
	case *events.ServerDeclared, *events.ServerChanged:
		s.applyServer(r)
		return nil
	case *events.SessionOpened:
		return s.openSession(r, e)
	case *events.RecordingGap:
		s.addGap(r, e)
		return nil
	case *events.AccountChanged, *events.HoldChanged, *events.RecordsPruned, *events.PersonErased:
		return nil // told by the log and the feed; no session changes
	}
	return s.changeSession(r)
}

// find returns a session wherever it is. Nil when it was never opened.
func (s *State) find(id uint64) (*Session, error) {
	if v := s.live.get(id); v != nil {
		return v, nil
	}
	if v := s.ended[id]; v != nil {
		return v, nil
	}
	if s.archive == nil {
		return nil, nil
	}
	return s.archive(id)
}

// Applied is the sequence of a record that was applied: what is looked up after the
// call reflects at least all up to it.
func (s *State) Applied() uint64 { return s.applied.Load() }

// Sequence is that of the last record that was applied, and its time.
func (s *State) Sequence() (uint64, events.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sequence, s.recorded
}

// LastID is the highest id a session has had.
func (s *State) LastID() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lastID
}
