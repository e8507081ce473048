package gatebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// settleChunk is how many sessions one append ends at most.
const settleChunk = 1000

// SourceOptions describe a source that lives in this process.
type SourceOptions struct {
	// Name is the source's, unique among those that run.
	Name string
	// Version and Host are shown as they are.
	Version, Host string
}

// Sample are the counters of one connection of a session.
type Sample = projection.Sample

// Source reports sessions of one incarnation: from [Registry.StartSource] to
// [Source.Stop]. Its methods are safe for concurrent use; the events of one
// session are recorded in the order of the calls. Events given to a method
// belong to the registry from then on.
type Source struct {
	registry    *Registry
	name        string
	incarnation string
	stopped     atomic.Bool
	// signing is held while a sign of life is recorded: none comes after the stop.
	signing sync.Mutex

	kills    []uint64      // guarded by registry.mu: asked for, not handed out
	asked    chan struct{} // capacity 1: there are kills
	switched chan struct{} // capacity 1: a service was stopped or started
	// told are the services that Switches has said are stopped. It is owned by the
	// caller of Switches.
	told   map[string]bool
	closed chan struct{} // closed by Stop
}

// StartSource begins an incarnation of a source in this process. A source of that
// name that runs already is an [ErrInvalid].
func (r *Registry) StartSource(ctx context.Context, o SourceOptions) (*Source, error) {
	if o.Name == "" {
		return nil, fmt.Errorf("%w: a source needs a name", ErrInvalid)
	}
	s := &Source{
		registry: r, name: o.Name,
		asked: make(chan struct{}, 1), switched: make(chan struct{}, 1), told: make(map[string]bool), closed: make(chan struct{}),
	}
	key := projection.NameKey(o.Name)
	outside, err := r.enter(ctx, o.Name)
	if err != nil {
		return nil, err
	}
	defer outside.leave()
	if known, _ := r.state.Source(o.Name); known != nil && known.Lease != 0 && known.State == projection.SourceRunning {
		return nil, fmt.Errorf("%w: source %q is one outside, which reports", ErrInvalid, o.Name)
	}
	defer r.forgetOutside(o.Name)
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		return nil, storage.ErrClosed
	}
	if r.sources[key] != nil {
		r.mu.Unlock()
		return nil, fmt.Errorf("%w: source %q runs already", ErrInvalid, o.Name)
	}
	r.sources[key] = s
	r.mu.Unlock()

	// The sequence at its start makes an incarnation's name its own.
	seen, _ := r.state.Sequence()
	s.incarnation = strconv.FormatUint(seen+1, 10)
	err = r.append(ctx, one(0, &events.SourceStarted{
		Source: o.Name, Incarnation: s.incarnation, Version: o.Version, Host: o.Host,
	}))
	if err != nil {
		r.forget(s)
		return nil, err
	}
	return s, nil
}

func (r *Registry) forget(s *Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sources, projection.NameKey(s.name))
}

// Name is the source's.
func (s *Source) Name() string { return s.name }

// Incarnation is the name of this run of the source.
func (s *Source) Incarnation() string { return s.incarnation }

// DeclareService tells of a service. It is recorded only when it is new or differs
// from what is in the book.
func (s *Source) DeclareService(ctx context.Context, e events.ServiceDeclared) error {
	if e.Name == "" {
		return fmt.Errorf("%w: a service needs a name", ErrInvalid)
	}
	e.Source = s.name
	e.Listeners, e.Servers = withoutEmpty(e.Listeners), withoutEmpty(e.Servers)
	s.registry.declaring.Lock()
	defer s.registry.declaring.Unlock()
	return s.declare(ctx, func() events.Event {
		if e := e; s.registry.differs(&e) {
			return &e
		}
		return nil
	})
}

// differs tells whether a service is new or not as in the book. It fills in whether
// it is stopped: an administrator's word outlives a restart.
func (r *Registry) differs(e *events.ServiceDeclared) bool {
	old, _ := r.state.Service(e.Name)
	e.Stopped = old != nil && old.Stopped
	return old == nil || old.Started == 0 || old.Source != e.Source || old.Protocol != e.Protocol || old.Router != e.Router ||
		!slices.Equal(old.Listeners, e.Listeners) || !slices.Equal(old.Servers, e.Servers)
}

// withoutEmpty is a list of the caller's without empty texts, as a copy.
func withoutEmpty(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

// DeclareServer tells of a server. It is recorded only when it is new or differs
// from what is in the book.
func (s *Source) DeclareServer(ctx context.Context, e events.ServerDeclared) error {
	if e.Name == "" {
		return fmt.Errorf("%w: a server needs a name", ErrInvalid)
	}
	e.Source = s.name
	return s.declare(ctx, func() events.Event {
		if s.registry.serverDiffers(&e) {
			return &e
		}
		return nil
	})
}

// serverDiffers tells whether a server is new or not as in the book.
func (r *Registry) serverDiffers(e *events.ServerDeclared) bool {
	old, _ := r.state.Server(e.Name)
	return old == nil || old.Source != e.Source || old.Address != e.Address || old.Port != e.Port || old.Protocol != e.Protocol
}

// ServerChanged tells of a server's state. It is recorded only when it differs from
// what is in the book.
func (s *Source) ServerChanged(ctx context.Context, e events.ServerChanged) error {
	return s.declare(ctx, func() events.Event {
		if old, _ := s.registry.state.Server(e.Name); old != nil && old.State == e.State {
			return nil
		}
		return &e
	})
}

// RecordGap tells what could not be recorded.
func (s *Source) RecordGap(ctx context.Context, e events.RecordingGap) error {
	e.Source = s.name
	return s.declare(ctx, func() events.Event { return &e })
}

func (s *Source) declare(ctx context.Context, differs func() events.Event) error {
	if s.stopped.Load() {
		return ErrSourceStopped
	}
	return s.registry.append(ctx, func() ([]storage.Entry, error) {
		if e := differs(); e != nil {
			return []storage.Entry{entry(0, e)}, nil
		}
		return nil, nil
	})
}

// Open records that a client connected and returns the session's id. Source and
// Incarnation of the event are filled in.
func (s *Source) Open(ctx context.Context, e events.SessionOpened) (uint64, error) {
	return s.OpenSince(ctx, time.Time{}, e)
}

// OpenSince is Open for a client that connected at a time before, which is on the
// record too: for a source that had to hear from the client first.
func (s *Source) OpenSince(ctx context.Context, connected time.Time, e events.SessionOpened) (uint64, error) {
	if s.stopped.Load() {
		return 0, ErrSourceStopped
	}
	if e.Service == "" {
		return 0, fmt.Errorf("%w: a session needs a service", ErrInvalid)
	}
	e.Source, e.Incarnation = s.name, s.incarnation
	id := s.registry.lastID.Add(1)
	opening := entry(id, &e)
	opening.Record.Occurred = events.TimeOf(connected)
	if err := s.registry.append(ctx, func() ([]storage.Entry, error) { return []storage.Entry{opening}, nil }); err != nil {
		return 0, err
	}
	return id, nil
}

// Record records events of a session, as one list: all of them or none. A
// [*RefusedError] names the first that does not fit.
func (s *Source) Record(ctx context.Context, id uint64, list ...events.Event) error {
	if s.stopped.Load() {
		return ErrSourceStopped
	}
	return s.registry.append(ctx, s.registry.sessionEvents(id, list))
}

// RecordStatistics records samples of any number of sessions in one append. Those
// of sessions and connections that have ended meanwhile are left out.
func (s *Source) RecordStatistics(ctx context.Context, samples []Sample) error {
	if s.stopped.Load() {
		return ErrSourceStopped
	}
	for chunk := range slices.Chunk(samples, settleChunk) {
		if err := s.registry.append(ctx, func() ([]storage.Entry, error) { return s.registry.fitting(chunk) }); err != nil {
			return err
		}
	}
	return nil
}

// fitting decides about samples: those that do not fit are left out.
func (r *Registry) fitting(samples []Sample) ([]storage.Entry, error) {
	entries := make([]storage.Entry, 0, len(samples))
	for i := range samples {
		id := samples[i].Session
		v, err := r.look(id)
		if err != nil {
			return nil, err
		}
		e := &events.StatisticsRecorded{Final: samples[i].Final()}
		d := draft{id: id, phase: phaseOf(v), session: v}
		if d.take(e) == nil {
			entries = append(entries, entry(id, e))
		}
	}
	return entries, nil
}

// Observe shows samples to readers without recording them.
func (s *Source) Observe(samples []Sample) { s.registry.state.Observe(samples) }

// Kills returns the sessions whose end was asked for since the last call, and
// waits for one when there is none. It ends with the error of ctx, or with
// [ErrSourceStopped].
func (s *Source) Kills(ctx context.Context) ([]uint64, error) {
	for {
		s.registry.mu.Lock()
		kills := s.kills
		s.kills = nil
		s.registry.mu.Unlock()
		if len(kills) > 0 {
			return kills, nil
		}
		select {
		case <-s.asked:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.closed:
			return nil, ErrSourceStopped
		}
	}
}

// handOut gives a kill to the source that has the session.
func (r *Registry) handOut(id uint64) {
	v := r.state.Lookup(id)
	if v == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sources[projection.NameKey(v.Origin().Source)]
	if s == nil || s.incarnation != v.Incarnation() {
		return
	}
	s.kills = append(s.kills, id)
	select {
	case s.asked <- struct{}{}:
	default:
	}
}

// Stop ends the incarnation. Sessions it has left open are closed with reason
// source_stopped. It does nothing the second time.
func (s *Source) Stop(ctx context.Context) error {
	s.signing.Lock()
	before := s.stopped.Swap(true)
	s.signing.Unlock()
	if before {
		return nil
	}
	close(s.closed)
	defer s.registry.forget(s)
	// Once more, for those whose opening was under way.
	for live := s.registry.state.LiveOf(s.name); len(live) > 0; live = s.registry.state.LiveOf(s.name) {
		for chunk := range slices.Chunk(live, settleChunk) {
			if err := s.closeSome(ctx, chunk); err != nil {
				return err
			}
		}
	}
	return s.registry.append(ctx, one(0, &events.SourceStopped{Source: s.name, Incarnation: s.incarnation}))
}

func (s *Source) closeSome(ctx context.Context, live []*projection.Session) error {
	return s.registry.append(ctx, func() ([]storage.Entry, error) {
		var entries []storage.Entry
		for _, old := range live {
			v, err := s.registry.look(old.ID)
			if err != nil {
				return nil, err
			}
			if v != nil && v.Status == projection.Live {
				entries = append(entries, entry(v.ID, &events.SessionClosed{Reason: events.ReasonSourceStopped}))
			}
		}
		return entries, nil
	})
}

// giveSigns records for each source with live sessions that it is alive.
func (r *Registry) giveSigns(ctx context.Context) {
	r.mu.Lock()
	running := make([]*Source, 0, len(r.sources))
	for _, s := range r.sources {
		running = append(running, s)
	}
	r.mu.Unlock()
	for _, s := range running {
		if !r.state.HasLive(s.name) {
			continue
		}
		err := s.giveSign(ctx)
		if err != nil && !errors.Is(err, storage.ErrClosed) {
			r.options.Report(fmt.Errorf("record a sign of life of source %s: %w", s.name, err))
		}
	}
}

func (s *Source) giveSign(ctx context.Context) error {
	s.signing.Lock()
	defer s.signing.Unlock()
	if s.stopped.Load() {
		return nil
	}
	return s.registry.append(ctx, one(0, &events.SourceSeen{Source: s.name, Incarnation: s.incarnation}))
}
