package gatebook

import (
	"context"
	"fmt"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// Switch tells that a service was stopped or started.
type Switch struct {
	Service string
	Stopped bool
}

// SwitchService stops or starts a service, for by: its source takes no new sessions
// of it, or takes them again. It is recorded only when it changes anything, and
// holds over a restart. Errors: [ErrNotFound] for a service that is not in the book,
// [ErrInvalid] for one that its source cannot stop, those of the conditions and of
// appending.
func (r *Registry) SwitchService(ctx context.Context, name string, stopped bool, by string, only ...Condition) error {
	r.declaring.Lock()
	defer r.declaring.Unlock()
	return r.append(ctx, func() ([]storage.Entry, error) {
		s, _ := r.state.Service(name)
		switch {
		case s == nil:
			return nil, fmt.Errorf("service %q: %w", name, ErrNotFound)
		case s.Router == "" || r.isOutside(s.Source):
			return nil, fmt.Errorf("%w: service %q is not one of a gateway's, and only those can be stopped", ErrInvalid, s.Name)
		}
		if err := met(only, s.Version, s.Modified); err != nil {
			return nil, err
		}
		if s.Stopped == stopped {
			return nil, nil
		}
		return []storage.Entry{entry(0, &events.ServiceDeclared{
			Name: s.Name, Source: s.Source, Protocol: s.Protocol, Router: s.Router,
			Listeners: s.Listeners, Servers: s.Servers, Stopped: stopped, By: by,
		})}, nil
	})
}

// tellSwitched wakes a source that waits for its services to be switched.
func (r *Registry) tellSwitched(source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sources[projection.NameKey(source)]; s != nil {
		select {
		case s.switched <- struct{}{}:
		default:
		}
	}
}

// Switches returns which of the source's services were stopped or started since the
// last call, and waits until there is one. The first call tells of those that are
// stopped from before. It is for one goroutine at a time, and ends like
// [Source.Kills].
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

// switches compares what was told with what is.
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
