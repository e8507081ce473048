package httpd

import (
	"gatebook/events"
	"gatebook/projection"
)

func newServers(read catalog, to *answers) *collection[*projection.Server] {
	return &collection[*projection.Server]{
		answers: to, thing: "Server", resource: serverResource(), all: read.Servers, one: read.Server,
		version: func(v *projection.Server) validators { return validators{version: v.Version, modified: v.Modified} },
	}
}

// serverResource describes a server.
func serverResource() *resource[*projection.Server] {
	type server = *projection.Server
	return newResource(members([]member[server]{
		{name: "name", value: text(func(v server) string { return v.Name })},
		{name: "address", value: knownText(func(v server) string { return v.Address })},
		{name: "port", value: knownNumber(func(v server) uint64 { return uint64(v.Port) })},
		{name: "protocol", value: knownText(func(v server) string { return v.Protocol })},
		{name: "status", value: texts(serverStatus)},
		{name: "current_connections", value: number(func(v server) uint64 { return v.Current })},
		{name: "total_connections", value: number(func(v server) uint64 { return v.Total })},
	}, []member[server]{
		{name: "since", value: moment(func(v server) events.Time { return v.Since })},
		{name: "cause", value: knownText(func(v server) string { return v.Cause })},
	}))
}

// serverStatus returns a list of at most one state: the API's draft has a list.
func serverStatus(v *projection.Server) []string {
	if v.State == events.ServerUnknown {
		return nil
	}
	return []string{v.State.String()}
}
