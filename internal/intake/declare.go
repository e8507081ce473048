package intake

import (
	"slices"

	"gatebook/events"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
)

// declareService decides about a service that a source outside declares.
func (d *reconciler) declareService(e events.ServiceDeclared, occurred events.Time) error {
	old, _ := d.intake.State.Service(e.Name)
	if old != nil && d.intake.Local(old.Source) {
		return misfit("the service %q is one of source %q, which is in the registry's process", old.Name, old.Source)
	}
	differs := lifecycle.ServiceDiffers(old, &e)
	if differs && old != nil && d.intake.speaks(old.Source) {
		e := e
		e.Source = old.Source
		differs = lifecycle.ServiceDiffers(old, &e) // another source that runs has reported the same
	}
	if d.repeated || !d.news(&e, differs, func(other events.Event) bool {
		s, ok := other.(*events.ServiceDeclared)
		return ok && projection.NameKey(s.Name) == projection.NameKey(e.Name)
	}) {
		return nil
	}
	declarer := ""
	if old != nil {
		declarer = old.Source
	}
	if err := d.checkDeclarer("service", e.Name, declarer); err != nil {
		return err
	}
	d.put(nil, &e, occurred)
	return nil
}

// checkDeclarer refuses a declaration that would replace the one of another source outside
// which runs. The same declaration is fine: it replaces nothing.
func (d *reconciler) checkDeclarer(what, name, declarer string) error {
	if declarer == "" || projection.NameKey(declarer) == projection.NameKey(d.report.Source) || !d.intake.speaks(declarer) {
		return nil
	}
	return misfit("the %s %q is declared by source %q, which runs; another source can only declare the same", what, name, declarer)
}

// declareServer decides about a server that a source outside declares.
func (d *reconciler) declareServer(e events.ServerDeclared, occurred events.Time) error {
	old, _ := d.intake.State.Server(e.Name)
	if old != nil && d.intake.Local(old.Source) {
		return misfit("the server %q is one of source %q, which is in the registry's process", old.Name, old.Source)
	}
	differs := lifecycle.ServerDiffers(old, &e)
	if differs && old != nil && d.intake.speaks(old.Source) {
		e := e
		e.Source = old.Source
		differs = lifecycle.ServerDiffers(old, &e)
	}
	if d.repeated || !d.news(&e, differs, func(other events.Event) bool {
		s, ok := other.(*events.ServerDeclared)
		return ok && projection.NameKey(s.Name) == projection.NameKey(e.Name)
	}) {
		return nil
	}
	declarer := ""
	if old != nil {
		declarer = old.Source
	}
	if err := d.checkDeclarer("server", e.Name, declarer); err != nil {
		return err
	}
	d.put(nil, &e, occurred)
	return nil
}

// news reports whether a declaration is new: compared with the last of the same thing in
// this report, or else with the book.
func (d *reconciler) news(e events.Event, differs bool, same func(events.Event) bool) bool {
	for _, entry := range slices.Backward(d.entries) {
		if same(entry.Record.Event) {
			return string(content(entry.Record.Event, 0)) != string(content(e, 0))
		}
	}
	return differs
}

// speaks reports whether a source runs.
func (in *Intake) speaks(source string) bool {
	s, _ := in.State.Source(source)
	return s != nil && s.State == projection.SourceRunning
}
