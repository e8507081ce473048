package gatebook

import (
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// declareService decides about a service that a source outside tells of.
func (d *reading) declareService(e events.ServiceDeclared, occurred events.Time) error {
	if old, _ := d.registry.state.Service(e.Name); old != nil && d.registry.sources.find(old.Source) != nil {
		return misfit("the service %q is one of source %q, which is in the registry's process", old.Name, old.Source)
	}
	differs := d.registry.differs(&e)
	if old, _ := d.registry.state.Service(e.Name); differs && old != nil && d.registry.speaks(old.Source) {
		e := e
		e.Source = old.Source
		differs = d.registry.differs(&e) // another source that runs has said the same
	}
	if d.repeated || !d.news(&e, differs, func(other events.Event) bool {
		s, ok := other.(*events.ServiceDeclared)
		return ok && projection.NameKey(s.Name) == projection.NameKey(e.Name)
	}) {
		return nil
	}
	d.put(nil, &e, occurred)
	return nil
}

// declareServer decides about a server that a source outside tells of.
func (d *reading) declareServer(e events.ServerDeclared, occurred events.Time) error {
	if old, _ := d.registry.state.Server(e.Name); old != nil && d.registry.sources.find(old.Source) != nil {
		return misfit("the server %q is one of source %q, which is in the registry's process", old.Name, old.Source)
	}
	differs := d.registry.serverDiffers(&e)
	if old, _ := d.registry.state.Server(e.Name); differs && old != nil && d.registry.speaks(old.Source) {
		e := e
		e.Source = old.Source
		differs = d.registry.serverDiffers(&e)
	}
	if d.repeated || !d.news(&e, differs, func(other events.Event) bool {
		s, ok := other.(*events.ServerDeclared)
		return ok && projection.NameKey(s.Name) == projection.NameKey(e.Name)
	}) {
		return nil
	}
	d.put(nil, &e, occurred)
	return nil
}

// news tells whether a declaration says something new: against the last of the same
// thing in this report, or else against the book.
func (d *reading) news(e events.Event, differs bool, same func(events.Event) bool) bool {
	for _, entry := range slices.Backward(d.entries) {
		if same(entry.Record.Event) {
			return string(content(entry.Record.Event, 0)) != string(content(e, 0))
		}
	}
	return differs
}

// speaks tells whether a source runs.
func (r *Registry) speaks(source string) bool {
	s, _ := r.state.Source(source)
	return s != nil && s.State == projection.SourceRunning
}

// isOutside tells whether a source is one outside.
func (r *Registry) isOutside(source string) bool {
	s, _ := r.state.Source(source)
	return s != nil && s.Lease != 0
}
