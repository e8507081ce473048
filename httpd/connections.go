package httpd

import (
	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/projection"
)

// connection is one connection of a session: to a server, or the client's.
type connection struct {
	session projection.View
	backend *projection.Connection // nil for the client's
}

// connectionResource describes a connection.
func connectionResource() *resource[connection] {
	return newResource(members([]member[connection]{
		{name: "state", value: text(connection.state)},
		{name: "role", value: text(connection.role)},
		{name: "server", value: link(serversFolder, connection.server)},
		{name: "service", value: func(b []byte, r *rendering, c connection) []byte {
			return r.service.append(b, servicesFolder, c.session.Origin().Service)
		}},
		{name: "statistics", inner: statistics(connection.counters)},
	}, []member[connection]{
		{name: "id", value: number(connection.number)},
		{name: "connection_id", value: knownNumber(connection.serverID)},
		{name: "opened", value: moment(connection.opened)},
		{name: "ended", value: moment(connection.ended)},
		{name: "reason", value: knownText(connection.reason)},
	}))
}

// connectionsOf are the connections of a session in the order they came: to
// servers, and before them the client's if it is wanted.
func connectionsOf(v projection.View, client bool) []connection {
	all := make([]connection, 0, len(v.Connections)+1)
	if client {
		all = append(all, connection{session: v})
	}
	for i := range v.Connections {
		all = append(all, connection{session: v, backend: &v.Connections[i]})
	}
	return all
}

func (c connection) state() string {
	if c.isOpen() {
		return "DCB in the polling loop"
	}
	return "DCB socket closed"
}

func (c connection) isOpen() bool {
	return !hasEnded(c.session) && !c.session.Over() && (c.backend == nil || c.backend.State == projection.Open)
}

func (c connection) role() string {
	if c.backend == nil {
		return "Client Request Handler"
	}
	return "Backend Request Handler"
}

func (c connection) server() string {
	if c.backend == nil {
		return ""
	}
	return c.backend.Server()
}

// counters are the newest of an open connection, the last of another.
func (c connection) counters() events.Counters {
	switch {
	case c.backend == nil:
		counters, _ := c.session.Current(0)
		return counters
	case c.isOpen():
		counters, _ := c.session.Current(c.backend.Number)
		return counters
	}
	return c.backend.Counters()
}

func (c connection) number() uint64 {
	if c.backend == nil {
		return 0
	}
	return uint64(c.backend.Number)
}

func (c connection) serverID() uint64 {
	if c.backend == nil {
		return 0
	}
	return c.backend.ServerID
}

func (c connection) opened() events.Time {
	if c.backend == nil {
		return c.session.Opened
	}
	return c.backend.Opened
}

func (c connection) ended() events.Time {
	if c.backend == nil || c.backend.State == projection.Open {
		return c.session.Ended()
	}
	return c.backend.Closed()
}

func (c connection) reason() string {
	if c.backend == nil {
		return c.session.Ending().Reason.String()
	}
	_, reason := c.session.End(c.backend)
	return reason.String()
}

// listConnections answers with the connections of the session that the path names.
func (s *sessions) listConnections(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields, paramRange, paramRole, paramAt)
	if err != nil {
		return err
	}
	chosen, err := s.connections.shape(p.fields)
	if err != nil {
		return err
	}
	then, err := resolve(c, s.history, p.at)
	if err != nil {
		return err
	}
	v, m, err := s.view(c, then)
	if err != nil {
		return err
	}
	if err := s.answers.validate(c, m, validatorsOf(v, true)); err != nil {
		return err
	}
	return listAll(s.answers, c, m, p, chosen, connectionsOf(v, p.client))
}
