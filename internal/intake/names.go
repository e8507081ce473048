package intake

import (
	"cmp"
	"errors"
	"fmt"

	"gatebook/events"
	"gatebook/internal/lifecycle"
)

// NameLimits bound how many services and servers, each, sources outside may name: they are
// kept for ever.
type NameLimits struct {
	// PerSource is the most of one source, Total the most that there may be in all. Total is
	// also the most sources that there may be.
	PerSource, Total int
}

// OrDefaults returns the limits with the default of each that is 0.
func (l NameLimits) OrDefaults() NameLimits {
	return NameLimits{PerSource: cmp.Or(l.PerSource, 2000), Total: cmp.Or(l.Total, 10_000)}
}

// claim claims the names of services and servers in a report.
func (in *Intake) claim(p *Report) (lifecycle.Claim, error) {
	list := make([]events.Event, len(p.Events))
	for i := range p.Events {
		list[i] = p.Events[i].Event
	}
	own, all := in.State.Named(p.Source)
	room := lifecycle.Room{
		Services: max(0, min(in.Limits.PerSource-own.Services, in.Limits.Total-all.Services)),
		Servers:  max(0, min(in.Limits.PerSource-own.Servers, in.Limits.Total-all.Servers)),
	}
	c, i, err := in.Names.Claim(room, list...)
	if err == nil {
		return c, nil
	}
	e := &p.Events[i]
	refused := &Error{Index: i, Kind: e.kind(), Key: e.Key, Why: err.Error()}
	if full, ok := errors.AsType[*lifecycle.NoRoomError](err); ok {
		refused.Why = in.noRoom(p.Source, full)
	}
	return lifecycle.Claim{}, refused
}

// noRoom returns why a new name is refused.
func (in *Intake) noRoom(source string, e *lifecycle.NoRoomError) string {
	own, all := in.State.Named(source)
	ofSource, inAll := own.Services, all.Services
	if e.Thing == "server" {
		ofSource, inAll = own.Servers, all.Servers
	}
	const kept = "names are kept for ever; limits.%s in the server's configuration raises this"
	if in.Limits.Total-inAll < in.Limits.PerSource-ofSource {
		return fmt.Sprintf("the %s %q would be one of more than %d in the book: "+kept, e.Thing, e.Name, in.Limits.Total, "names")
	}
	return fmt.Sprintf("the %s %q would be one of more than %d that the source %q has named: "+kept, e.Thing, e.Name, in.Limits.PerSource, source, "names_per_source")
}
