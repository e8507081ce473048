package reports

import "gatebook/events"

// eventFields visits the members of an event by their names in JSON.
type eventFields interface {
	text(name string, v *string)
	texts(name string, v *[]string)
	flag(name string, v *bool)
	// port and count visit numbers that are null when they are 0, index and total others.
	port(name string, v *uint16)
	count(name string, v *uint64)
	index(name string, v *uint32)
	total(name string, v *uint64)
	// lease visits a span of time in microseconds, written as in "30s".
	lease(name string, v *int64)
	moment(name string, v *events.Time)
	reason(name string, v *events.Reason)
	state(name string, v *events.ServerState)
	kind(name string, v *events.SessionType)
	counters(name string, v *events.Counters)
	// finals visits the last counters of connections: an array of objects with the members
	// that [visitFinal] visits.
	finals(name string, v *[]events.Final)
}

// visitFields visits every member of an event in the documented order. It alone holds their
// names in the feed; the members of a report have the same.
func visitFields(e events.Event, v eventFields) {
	switch e := e.(type) {
	case *events.SourceStarted:
		v.text("source", &e.Source)
		v.text("incarnation", &e.Incarnation)
		v.text("version", &e.Version)
		v.text("host", &e.Host)
		v.lease("lease", &e.Lease)
		v.text("account", &e.Account)
	case *events.SourceStopped:
		v.text("source", &e.Source)
		v.text("incarnation", &e.Incarnation)
	case *events.SourceLost:
		v.text("source", &e.Source)
		v.text("incarnation", &e.Incarnation)
		v.reason("cause", &e.Cause)
		v.moment("last_seen", &e.LastSeen)
	case *events.SourceSeen:
		v.text("source", &e.Source)
		v.text("incarnation", &e.Incarnation)
		v.count("number", &e.Number)
	case *events.ServiceDeclared, *events.ServerDeclared, *events.ServerChanged:
		visitDeclared(e, v)
	case *events.SessionOpened, *events.SessionReady, *events.SessionClosed, *events.SessionLost, *events.SessionRecovered, *events.LoginFailed:
		visitSession(e, v)
	case *events.ConnectionOpened, *events.ConnectionFailed, *events.ConnectionClosed, *events.StatisticsRecorded:
		visitConnection(e, v)
	case *events.KillScheduled:
		v.moment("due", &e.Due)
		v.text("by", &e.By)
		v.text("description", &e.Why)
	case *events.KillRequested:
		v.text("by", &e.By)
		v.text("description", &e.Why)
	case *events.KillWithdrawn:
		v.text("by", &e.By)
		v.text("description", &e.Why)
	default:
		visitRegistry(e, v)
	}
}

func visitDeclared(e events.Event, v eventFields) {
	switch e := e.(type) {
	case *events.ServiceDeclared:
		v.text("name", &e.Name)
		v.text("source", &e.Source)
		v.text("protocol", &e.Protocol)
		v.text("router", &e.Router)
		v.texts("listeners", &e.Listeners)
		v.texts("servers", &e.Servers)
		v.flag("stopped", &e.Stopped)
		v.text("by", &e.By)
	case *events.ServerDeclared:
		v.text("name", &e.Name)
		v.text("source", &e.Source)
		v.text("address", &e.Address)
		v.port("port", &e.Port)
		v.text("protocol", &e.Protocol)
	case *events.ServerChanged:
		v.text("name", &e.Name)
		v.state("state", &e.State)
		v.moment("since", &e.Since)
		v.text("cause", &e.Cause)
	}
}

func visitSession(e events.Event, v eventFields) {
	switch e := e.(type) {
	case *events.SessionOpened:
		v.kind("type", &e.Type)
		v.text("source", &e.Source)
		v.text("incarnation", &e.Incarnation)
		v.text("key", &e.Key)
		v.text("service", &e.Service)
		v.text("listener", &e.Listener)
		v.text("protocol", &e.Protocol)
		v.text("address", &e.Address)
		v.port("port", &e.Port)
		v.text("tls", &e.TLS)
		v.text("subject", &e.Subject)
	case *events.SessionReady:
		v.text("user", &e.User)
		v.text("database", &e.Database)
		v.text("program", &e.Program)
	case *events.SessionClosed:
		v.reason("reason", &e.Reason)
		v.text("by", &e.By)
		v.text("description", &e.Description)
		v.text("user", &e.User)
		v.text("database", &e.Database)
		v.text("program", &e.Program)
		shown := "" // that of an ordinary client is nothing new
		if e.Type != events.TypeClient {
			shown = e.Type.String()
		}
		v.text("type", &shown)
		v.finals("connections", &e.Finals)
	case *events.SessionLost:
		v.reason("cause", &e.Cause)
		v.moment("last_seen", &e.LastSeen)
	case *events.SessionRecovered:
		v.text("incarnation", &e.Incarnation)
	case *events.LoginFailed:
		v.text("user", &e.User)
		v.text("database", &e.Database)
		v.text("program", &e.Program)
		v.text("description", &e.Description)
	}
}

func visitConnection(e events.Event, v eventFields) {
	switch e := e.(type) {
	case *events.ConnectionOpened:
		v.index("connection", &e.Connection)
		v.text("server", &e.Server)
		v.count("connection_id", &e.ServerID)
	case *events.ConnectionFailed:
		v.index("connection", &e.Connection)
		v.text("server", &e.Server)
		v.text("cause", &e.Cause)
	case *events.ConnectionClosed:
		v.index("connection", &e.Final.Connection)
		v.reason("reason", &e.Reason)
		v.counters("statistics", &e.Final.Counters)
		v.moment("active", &e.Final.Active)
	case *events.StatisticsRecorded:
		visitFinal(&e.Final, v)
	}
}

// visitFinal visits the last counters of a connection.
func visitFinal(f *events.Final, v eventFields) {
	v.index("connection", &f.Connection)
	v.counters("statistics", &f.Counters)
	v.moment("active", &f.Active)
}

// visitRegistry visits the events that are about the registry itself.
func visitRegistry(e events.Event, v eventFields) {
	switch e := e.(type) {
	case *events.RecordingGap:
		v.text("source", &e.Source)
		v.total("sessions", &e.Sessions)
		v.total("events", &e.Events)
		v.moment("from", &e.From)
		v.moment("until", &e.Until)
	case *events.AccountChanged:
		v.text("change", &e.Change)
		v.text("role", &e.Role)
		v.text("account", &e.Account)
		v.text("by", &e.By)
	case *events.HoldChanged:
		v.text("name", &e.Name)
		v.flag("held", &e.Held)
		v.text("user", &e.User)
		v.text("by", &e.By)
		v.text("description", &e.Why)
	case *events.RecordsPruned:
		v.text("rule", &e.Rule)
		v.total("sessions", &e.Sessions)
		v.total("records", &e.Records)
		v.moment("before", &e.Before)
		v.text("by", &e.By)
	case *events.PersonErased:
		v.total("sessions", &e.Sessions)
		v.total("records", &e.Records)
		v.text("by", &e.By)
	case *events.LogRestored:
		v.total("records", &e.Records)
		v.text("root", &e.Root)
		v.moment("taken", &e.Taken)
		v.total("next_session", &e.NextSession)
		v.text("by", &e.By)
	case *events.KeyRotated:
		v.text("key", &e.Key)
		v.text("key_before", &e.Before)
		v.text("endorsement", &e.Endorsement)
		v.text("head", &e.Head)
		v.total("size", &e.Size)
		v.text("by", &e.By)
	}
}

// visitCounters visits the counters of a connection.
func visitCounters(c *events.Counters, v eventFields) {
	v.total("reads", &c.Reads)
	v.total("writes", &c.Writes)
	v.total("buffered_writes", &c.BufferedWrites)
	v.total("high_water_events", &c.HighWaterEvents)
	v.total("low_water_events", &c.LowWaterEvents)
	v.total("bytes_read", &c.BytesRead)
	v.total("bytes_written", &c.BytesWritten)
}
