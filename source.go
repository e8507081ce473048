package gatebook

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/intake"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
	"gatebook/storage"
)

// SourceOptions describe a source that lives in this process.
type SourceOptions struct {
	// Name is the source's, unique among those that run: a valid text of at most 256
	// bytes other than "." and "..".
	Name string
	// Version and Host are shown as they are.
	Version, Host string
	// AwaitSpace: where the disk is full the source starts all the same. Its start is recorded
	// when there is space, before anything else of it, and its methods that record return
	// [ErrDiskFull] until then.
	AwaitSpace bool
}

// Source reports sessions of one incarnation: from [Registry.StartSource] to
// [Source.Stop]. Its methods are safe for concurrent use; the events of one session are
// recorded in the order of the calls. Events given to a method belong to the registry
// from then on. After Stop has begun every method returns [ErrSourceStopped].
type Source struct {
	registry          *Registry
	name, incarnation string
	options           SourceOptions
	checker           lifecycle.Checker

	// begun is true once the start is recorded, which the call does that has beginning.
	begun     atomic.Bool
	beginning calls.Turn

	// calls lets in the calls that record. Stop shuts it and waits for them, so that
	// nothing of the incarnation is recorded after its end.
	calls    *calls.Gate
	kills    *killQueue
	switched chan struct{} // capacity 1: a service was stopped or started
	// told are the services that Switches has reported as stopped. It is owned by the
	// caller of Switches.
	told map[string]bool

	closing sync.Once
	closed  chan struct{} // closed when Stop begins
	// stopping is had by the call of Stop that ends the incarnation, which sets ended.
	stopping calls.Turn
	ended    bool
}

// StartSource begins an incarnation of a source in this process. When it returns the
// start is durable, unless the source awaits space. A source of that name that runs already
// is an [ErrInvalid].
func (r *Registry) StartSource(ctx context.Context, o SourceOptions) (*Source, error) {
	if err := lifecycle.CheckSource(o.Name); err != nil {
		return nil, invalid(err)
	}
	if !r.calls.Enter() {
		return nil, storage.ErrClosed
	}
	defer r.calls.Leave()
	// The sequence at its start makes an incarnation's name its own.
	seen, _ := r.state.Sequence()
	s := &Source{
		registry: r, name: o.Name, incarnation: strconv.FormatUint(seen+1, 10), options: o, beginning: calls.NewTurn(),
		calls: calls.NewGate(), kills: newKillQueue(), switched: make(chan struct{}, 1), told: make(map[string]bool),
		closed: make(chan struct{}), stopping: calls.NewTurn(),
	}
	if err := s.begin(ctx); err != nil && !(o.AwaitSpace && errors.Is(err, ErrDiskFull)) {
		return nil, err
	}
	return s, nil
}

// enter lets a call in that records something of the source.
func (s *Source) enter(ctx context.Context) error {
	if !s.calls.Enter() {
		return ErrSourceStopped
	}
	if err := s.begin(ctx); err != nil {
		s.calls.Leave()
		return err
	}
	return nil
}

// begin records the start of the source, if it is not recorded.
func (s *Source) begin(ctx context.Context) error {
	if s.begun.Load() {
		return nil
	}
	if err := s.beginning.Take(ctx); err != nil {
		return err
	}
	defer s.beginning.Leave()
	if s.begun.Load() {
		return nil
	}
	if err := s.registry.crash.settle(ctx); err != nil {
		return err
	}
	err := s.registry.beginSource(ctx, s)
	s.begun.Store(err == nil)
	return err
}

// beginSource records the start of a source.
func (r *Registry) beginSource(ctx context.Context, s *Source) error {
	// Its claim keeps others from starting the source, and reports of it out.
	release, err := r.intake.Claim(ctx, s.name)
	if err != nil {
		if _, misspelled := errors.AsType[*lifecycle.SpellingError](err); misspelled || errors.Is(err, intake.ErrRunning) {
			err = invalid(err)
		}
		return err
	}
	started := false
	defer func() { release(started) }()
	if r.sources.find(s.name) != nil {
		return fmt.Errorf("%w: source %q runs already", ErrInvalid, s.name)
	}
	err = r.append(ctx, journal.One(0, &events.SourceStarted{
		Source: s.name, Incarnation: s.incarnation, Version: s.options.Version, Host: s.options.Host,
	}))
	if err != nil {
		return err
	}
	// Others find the source only now: nothing is recorded of an incarnation before its start.
	r.sources.add(s)
	started = true
	return nil
}

// Name returns the source's name.
func (s *Source) Name() string { return s.name }

// Incarnation returns the name of this run of the source.
func (s *Source) Incarnation() string { return s.incarnation }

// Kills blocks until the end of sessions of the source is requested, and returns those
// requested since the last call. It returns the error of ctx when that ends first, or
// [ErrSourceStopped].
func (s *Source) Kills(ctx context.Context) ([]uint64, error) { return s.kills.take(ctx, s.closed) }

// Stop ends the incarnation. It waits for the calls that record and closes the sessions
// they have left open, with reason source_stopped. Where ctx ends first, or the log takes
// nothing, it returns the error, and may be called again. It does nothing once the end is
// recorded.
func (s *Source) Stop(ctx context.Context) error {
	s.calls.Shut()
	s.closing.Do(func() { close(s.closed) })
	if err := s.calls.Wait(ctx); err != nil {
		return fmt.Errorf("%w: wait for what is being recorded: %w", storage.ErrBusy, err)
	}
	if err := s.stopping.Take(ctx); err != nil {
		return err
	}
	defer s.stopping.Leave()
	if s.ended || !s.begun.Load() {
		s.ended = true
		return nil
	}
	r := s.registry
	err := r.journal.Change(ctx, r.state.LiveOf(s.name), func(*projection.Session) events.Event {
		return &events.SessionClosed{Reason: events.ReasonSourceStopped}
	})
	if err != nil {
		return err
	}
	err = r.append(ctx, r.journal.OfRunning(s.name, s.incarnation, &events.SourceStopped{Source: s.name, Incarnation: s.incarnation}))
	if err != nil {
		return err
	}
	s.ended = true
	r.sources.remove(s)
	return nil
}

// heartbeat records for each source with live sessions that it is alive.
func (r *Registry) heartbeat(ctx context.Context) {
	for _, s := range r.sources.all() {
		if !r.state.HasLive(s.name) || !s.calls.Enter() {
			continue
		}
		err := r.append(ctx, r.journal.OfRunning(s.name, s.incarnation, &events.SourceSeen{Source: s.name, Incarnation: s.incarnation}))
		s.calls.Leave()
		if err != nil && !errors.Is(err, storage.ErrClosed) {
			r.options.Report(fmt.Errorf("record that source %s is alive: %w", s.name, err))
		}
	}
}
