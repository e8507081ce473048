package httpd

import (
	"time"

	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/projection"
)

func newSources(read catalog, to *answers) *collection[*projection.Source] {
	return &collection[*projection.Source]{
		answers: to, thing: "Source", resource: sourceResource(), all: read.Sources, one: read.Source,
		version: func(v *projection.Source) render.Validators {
			return render.Validators{Version: v.Changed, Modified: v.Modified}
		},
	}
}

// sourceResource describes a source.
func sourceResource() *render.Resource[*projection.Source] {
	type source = *projection.Source
	return render.NewResource(render.Members([]render.Member[source]{
		{Name: "name", Value: render.Text(func(v source) string { return v.Name })},
		{Name: "incarnation", Value: render.TextOrNull(func(v source) string { return v.Incarnation })},
		{Name: "state", Value: render.Text(func(v source) string { return v.State.String() })},
		{Name: "version", Value: render.TextOrNull(func(v source) string { return v.Version })},
		{Name: "host", Value: render.TextOrNull(func(v source) string { return v.Host })},
		{Name: "started", Value: render.Time(func(v source) events.Time { return v.Started })},
		{Name: "last_seen", Value: render.Time(func(v source) events.Time { return v.LastSeen })},
	}, []render.Member[source]{
		{Name: "lease", Value: render.TextOrNull(leaseOf)},
		{Name: "account", Value: render.TextOrNull(func(v source) string { return v.Account })},
		{Name: "unrecorded", Value: render.Number(func(v source) uint64 { return v.Unrecorded.Sessions })},
		{Name: "unrecorded_events", Value: render.Number(func(v source) uint64 { return v.Unrecorded.Events })},
		{Name: "gap_from", Value: render.Time(func(v source) events.Time { return v.Unrecorded.From })},
		{Name: "gap_until", Value: render.Time(func(v source) events.Time { return v.Unrecorded.Until })},
	}))
}

// leaseOf returns how long a source may be silent, "" for one that has no lease.
func leaseOf(v *projection.Source) string {
	if v.Lease == 0 {
		return ""
	}
	return (time.Duration(v.Lease) * time.Microsecond).String()
}
