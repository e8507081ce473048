package gatebook

import (
	"context"
	"fmt"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
	"gatebook/storage"
)

// DeclareService records a service of the source, if it is new or differs from what is
// recorded.
func (s *Source) DeclareService(ctx context.Context, e events.ServiceDeclared) error {
	e.Source = s.name
	return s.declare(ctx, &e, func() bool {
		old, _ := s.registry.state.Service(e.Name)
		return lifecycle.ServiceDiffers(old, &e)
	})
}

// DeclareServer records a server of the source, if it is new or differs from what is
// recorded.
func (s *Source) DeclareServer(ctx context.Context, e events.ServerDeclared) error {
	e.Source = s.name
	return s.declare(ctx, &e, func() bool {
		old, _ := s.registry.state.Server(e.Name)
		return lifecycle.ServerDiffers(old, &e)
	})
}

// ServerChanged records a server's state, if it differs from the one recorded.
func (s *Source) ServerChanged(ctx context.Context, e events.ServerChanged) error {
	return s.declare(ctx, &e, func() bool {
		old, _ := s.registry.state.Server(e.Name)
		return old == nil || old.State != e.State
	})
}

// RecordGap records how much could not be recorded, and when.
func (s *Source) RecordGap(ctx context.Context, e events.RecordingGap) error {
	e.Source = s.name
	return s.declare(ctx, &e, func() bool { return true })
}

// declare records an event that is about no session, if it is news.
func (s *Source) declare(ctx context.Context, e events.Event, news func() bool) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Leave()
	if err := s.check(e); err != nil {
		return err
	}
	r := s.registry
	claim, err := r.claim(e)
	if err != nil {
		return err
	}
	defer claim.Release()
	if err := r.declaring.Take(ctx); err != nil {
		return err
	}
	defer r.declaring.Leave()
	return r.append(ctx, func() ([]storage.Entry, error) {
		if news() {
			return []storage.Entry{journal.Entry(0, e)}, nil
		}
		return nil, nil
	})
}

// Switch is a service that was stopped or started.
type Switch struct {
	Service string
	Stopped bool
}

// SwitchService stops or starts a service: its source takes no new sessions of it, or
// takes them again. It is recorded only when it changes anything, and holds over a
// restart. Errors: [ErrNotFound] for a service that is not in the book, [ErrInvalid] for
// one that its source cannot stop, those of the conditions and of recording.
func (r *Registry) SwitchService(ctx context.Context, to Switch, q Request) error {
	return r.ask(&q, func() error { return r.switchService(ctx, to, &q) })
}

func (r *Registry) switchService(ctx context.Context, to Switch, q *Request) error {
	if err := r.declaring.Take(ctx); err != nil {
		return err
	}
	defer r.declaring.Leave()
	return r.append(ctx, func() ([]storage.Entry, error) {
		s, _ := r.state.Service(to.Service)
		switch {
		case s == nil:
			return nil, fmt.Errorf("service %q: %w", to.Service, ErrNotFound)
		case s.Router == "" || r.isRemote(s.Source):
			return nil, fmt.Errorf("%w: service %q is not one of a gateway's, and only those can be stopped", ErrInvalid, s.Name)
		}
		if err := q.met(s.Version, s.Modified); err != nil {
			return nil, err
		}
		if s.Stopped == to.Stopped {
			return nil, nil
		}
		return []storage.Entry{journal.Entry(0, &events.ServiceDeclared{
			Name: s.Name, Source: s.Source, Protocol: s.Protocol, Router: s.Router,
			Listeners: s.Listeners, Servers: s.Servers, Stopped: to.Stopped, By: q.By,
		})}, nil
	})
}

// isRemote reports whether a source is one outside this process.
func (r *Registry) isRemote(source string) bool {
	s, _ := r.state.Source(source)
	return s != nil && s.Lease != 0
}

// wakeSwitches wakes the call of Switches that waits.
func (s *Source) wakeSwitches() {
	select {
	case s.switched <- struct{}{}:
	default:
	}
}

// Switches blocks until services of the source are stopped or started, and returns those
// since the last call. The first call returns those that were stopped before. It is for
// one goroutine at a time, and ends like [Source.Kills].
func (s *Source) Switches(ctx context.Context) ([]Switch, error) {
	for {
		if changed := s.switches(); len(changed) > 0 {
			return changed, nil
		}
		select {
		case <-s.switched:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.closed:
			return nil, ErrSourceStopped
		}
	}
}

// switches compares what was reported with what is recorded.
func (s *Source) switches() []Switch {
	services, _ := s.registry.state.Services()
	var changed []Switch
	for _, v := range services {
		if projection.NameKey(v.Source) == projection.NameKey(s.name) && v.Stopped != s.told[v.Name] {
			s.told[v.Name] = v.Stopped
			changed = append(changed, Switch{Service: v.Name, Stopped: v.Stopped})
		}
	}
	return changed
}
