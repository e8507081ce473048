package httpd

import (
	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/projection"
)

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
	})).versioned(func(v server) validators { return validators{version: v.Version, modified: v.Modified} })
}

// serverStatus is a list, as in the draft, of at most one state.
func serverStatus(v *projection.Server) []string {
	if v.State == events.ServerUnknown {
		return nil
	}
	return []string{v.State.String()}
}

func (s *Server) listServers(c *gin.Context) error {
	return listAll(s, c, s.servers, s.registry.Servers)
}

func (s *Server) showServer(c *gin.Context) error {
	return showNamed(s, c, s.servers, "Server", s.registry.Server)
}
