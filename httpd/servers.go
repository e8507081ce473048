package httpd

import (
	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/projection"
)

func newServers(read catalog, to *answers) *collection[*projection.Server] {
	return &collection[*projection.Server]{
		answers: to, thing: "Server", resource: serverResource(), all: read.Servers, one: read.Server,
		version: func(v *projection.Server) render.Validators {
			return render.Validators{Version: v.Version, Modified: v.Modified}
		},
	}
}

// serverResource describes a server.
func serverResource() *render.Resource[*projection.Server] {
	type server = *projection.Server
	return render.NewResource(render.Members([]render.Member[server]{
		{Name: "name", Value: render.Text(func(v server) string { return v.Name })},
		{Name: "address", Value: render.TextOrNull(func(v server) string { return v.Address })},
		{Name: "port", Value: render.NumberOrNull(func(v server) uint64 { return uint64(v.Port) })},
		{Name: "protocol", Value: render.TextOrNull(func(v server) string { return v.Protocol })},
		{Name: "status", Value: render.Texts(serverStatus)},
		{Name: "current_connections", Value: render.Number(func(v server) uint64 { return v.Current })},
		{Name: "total_connections", Value: render.Number(func(v server) uint64 { return v.Total })},
	}, []render.Member[server]{
		{Name: "since", Value: render.Time(func(v server) events.Time { return v.Since })},
		{Name: "cause", Value: render.TextOrNull(func(v server) string { return v.Cause })},
	}))
}

// serverStatus returns a list of at most one state: the API's draft has a list.
func serverStatus(v *projection.Server) []string {
	if v.State == events.ServerUnknown {
		return nil
	}
	return []string{v.State.String()}
}
