package gatebook

import (
	"fmt"

	"gatebook/projection"
)

// Session returns the session of that id, live or ended, and the moment the answer is
// of. Errors: [ErrNotFound].
func (r *Registry) Session(id uint64) (projection.View, projection.Moment, error) {
	var archived *projection.Session
	view, moment, err := r.state.Session(id, func() (err error) {
		archived, err = r.archived(id)
		return err
	})
	if err == nil && view.Session == nil {
		if view.Session = archived; archived == nil {
			err = fmt.Errorf("session %d: %w", id, ErrNotFound)
		}
	}
	return view, moment, err
}

// Services returns all services, in the order in which they were first met.
func (r *Registry) Services() ([]*projection.Service, projection.Moment) { return r.state.Services() }

// Service returns the service of that name. Errors: [ErrNotFound].
func (r *Registry) Service(name string) (*projection.Service, projection.Moment, error) {
	v, moment := r.state.Service(name)
	return v, moment, found(v, "service", name)
}

// Servers returns all servers, in the order in which they were first met.
func (r *Registry) Servers() ([]*projection.Server, projection.Moment) { return r.state.Servers() }

// Server returns the server of that name. Errors: [ErrNotFound].
func (r *Registry) Server(name string) (*projection.Server, projection.Moment, error) {
	v, moment := r.state.Server(name)
	return v, moment, found(v, "server", name)
}

// Sources returns all sources, in the order in which they were first met.
func (r *Registry) Sources() ([]*projection.Source, projection.Moment) { return r.state.Sources() }

// Source returns the source of that name. Errors: [ErrNotFound].
func (r *Registry) Source(name string) (*projection.Source, projection.Moment, error) {
	v, moment := r.state.Source(name)
	return v, moment, found(v, "source", name)
}

func found[T any](v *T, what, name string) error {
	if v == nil {
		return fmt.Errorf("%s %q: %w", what, name, ErrNotFound)
	}
	return nil
}

// Moment returns the registry's current one: how far the log has come, and how many
// sessions there are.
func (r *Registry) Moment() projection.Moment { return r.state.Moment() }
