package gatebook

import "gatebook/projection"

// Services returns all services, in the order in which they were first met.
func (r *Registry) Services() ([]*projection.Service, projection.Moment) { return r.state.Services() }

// Service returns the service of that name, nil when there is none.
func (r *Registry) Service(name string) (*projection.Service, projection.Moment) {
	return r.state.Service(name)
}

// Servers returns all servers, in the order in which they were first met.
func (r *Registry) Servers() ([]*projection.Server, projection.Moment) { return r.state.Servers() }

// Server returns the server of that name, nil when there is none.
func (r *Registry) Server(name string) (*projection.Server, projection.Moment) {
	return r.state.Server(name)
}

// Sources returns all sources, in the order in which they were first met.
func (r *Registry) Sources() ([]*projection.Source, projection.Moment) { return r.state.Sources() }

// Source returns the source of that name, nil when there is none.
func (r *Registry) Source(name string) (*projection.Source, projection.Moment) {
	return r.state.Source(name)
}

// Moment is the registry's current one.
func (r *Registry) Moment() projection.Moment { return r.state.Moment() }
