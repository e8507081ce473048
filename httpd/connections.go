package httpd

import (
	"strconv"

	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// connection is one connection of a session: to a server, or the client's.
type connection struct {
	session projection.View
	backend *projection.Connection // nil for the client's connection
}

// connectionResource describes a connection.
func connectionResource() *render.Resource[connection] {
	return render.NewResource(render.Members([]render.Member[connection]{
		{Name: "state", Value: render.Text(connection.state)},
		{Name: "role", Value: render.Text(connection.role)},
		{Name: "server", Value: render.Link(serversFolder, connection.server)},
		{Name: "service", Value: func(b []byte, r *render.Rendering, c connection) []byte {
			return r.AppendLink(b, servicesFolder, c.session.Origin().Service)
		}},
		{Name: "statistics", Inner: statistics(connection.counters)},
	}, []render.Member[connection]{
		{Name: "id", Value: render.Number(connection.number)},
		{Name: "connection_id", Value: render.NumberOrNull(connection.serverID)},
		{Name: "opened", Value: render.Time(connection.opened)},
		{Name: "ended", Value: render.Time(connection.ended)},
		{Name: "reason", Value: render.TextOrNull(connection.reason)},
		{Name: memberGap, Value: appendGap[connection]},
	}))
}

// connectionsOf returns the connections of a session to servers, oldest first, and before
// them the client's if that is wanted.
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

// counters returns the newest counters of an open connection, the last ones of another.
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

// statistics returns the members of a connection's counters.
func statistics[T any](of func(v T) events.Counters) []render.Member[T] {
	counter := func(pick func(c events.Counters) uint64) render.Value[T] {
		return func(b []byte, _ *render.Rendering, v T) []byte { return strconv.AppendUint(b, pick(of(v)), 10) }
	}
	return render.Members([]render.Member[T]{
		{Name: "reads", Value: counter(func(c events.Counters) uint64 { return c.Reads })},
		{Name: "writes", Value: counter(func(c events.Counters) uint64 { return c.Writes })},
		{Name: "buffered_writes", Value: counter(func(c events.Counters) uint64 { return c.BufferedWrites })},
		{Name: "high_water_events", Value: counter(func(c events.Counters) uint64 { return c.HighWaterEvents })},
		{Name: "low_water_events", Value: counter(func(c events.Counters) uint64 { return c.LowWaterEvents })},
	}, []render.Member[T]{
		{Name: "bytes_read", Value: counter(func(c events.Counters) uint64 { return c.BytesRead })},
		{Name: "bytes_written", Value: counter(func(c events.Counters) uint64 { return c.BytesWritten })},
	})
}
