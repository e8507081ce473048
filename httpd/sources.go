package httpd

import (
	"gatebook/events"
	"gatebook/projection"
)

func newSources(read catalog, to *answers) *collection[*projection.Source] {
	return &collection[*projection.Source]{
		answers: to, thing: "Source", resource: sourceResource(), all: read.Sources, one: read.Source,
		version: func(v *projection.Source) validators { return validators{version: v.Changed, modified: v.Modified} },
	}
}

// sourceResource describes a source.
func sourceResource() *resource[*projection.Source] {
	type source = *projection.Source
	return newResource(members([]member[source]{
		{name: "name", value: text(func(v source) string { return v.Name })},
		{name: "incarnation", value: knownText(func(v source) string { return v.Incarnation })},
		{name: "state", value: text(func(v source) string { return v.State.String() })},
		{name: "version", value: knownText(func(v source) string { return v.Version })},
		{name: "host", value: knownText(func(v source) string { return v.Host })},
		{name: "started", value: moment(func(v source) events.Time { return v.Started })},
		{name: "last_seen", value: moment(func(v source) events.Time { return v.LastSeen })},
	}, []member[source]{
		{name: "unrecorded", value: number(func(v source) uint64 { return v.Unrecorded.Sessions })},
		{name: "unrecorded_events", value: number(func(v source) uint64 { return v.Unrecorded.Events })},
		{name: "gap_from", value: moment(func(v source) events.Time { return v.Unrecorded.From })},
		{name: "gap_until", value: moment(func(v source) events.Time { return v.Unrecorded.Until })},
	}))
}
