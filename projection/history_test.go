package projection_test

import (
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// history draws records as a registry would append them: each fits the ones before,
// which are kept in a model.
type history struct {
	t       *rapid.T
	model   model
	records []events.Record
	lastID  uint64
	late    []uint64 // ids that were assigned and are not opened yet
}

// Names of which several have the same key.
var (
	sourceNames  = []string{"gateway", "edge 1", "Edge-1"}
	serviceNames = []string{"orders", "Orders", "bills", "caf\u00e9", "cafe\u0301"}
	serverNames  = []string{"db-1", "DB 1", "db-2"}
)

func pick[T any](t *rapid.T, what string, from ...T) T { return rapid.SampledFrom(from).Draw(t, what) }

// extend draws n more records.
func (h *history) extend(n int) {
	for range n {
		recorded := h.model.recorded + events.Time(rapid.IntRange(0, 3).Draw(h.t, "µs"))
		r := events.Record{Sequence: h.model.sequence + 1, Recorded: max(recorded, 1000)}
		if rapid.Bool().Draw(h.t, "has its own time") {
			r.Occurred = r.Recorded - events.Time(rapid.IntRange(-5, 20).Draw(h.t, "µs earlier"))
		}
		r.Session, r.Event = h.next()
		h.records = append(h.records, r)
		h.model.apply(r)
	}
}

func (h *history) next() (uint64, events.Event) {
	live, lost := h.model.of(projection.Live), h.model.of(projection.Lost)
	what := pick(h.t, "what", "session", "session", "session", "connection", "connection", "open", "open", "end", "return", "source", "entity", "other")
	switch {
	case what == "source":
		return 0, h.ofSource()
	case what == "entity":
		return 0, h.ofEntity()
	case what == "other":
		return 0, pick[events.Event](h.t, "other", &events.RecordingGap{Sessions: 1}, &events.AccountChanged{Account: "ann"},
			&events.HoldChanged{}, &events.RecordsPruned{}, &events.PersonErased{}, &events.LogRestored{NextSession: 2_000_000})
	case what == "return" && len(lost) > 0:
		v := h.one("lost session", lost)
		return v.ID, pick[events.Event](h.t, "return", h.close(v), &events.SessionRecovered{Incarnation: pick(h.t, "incarnation", "", "1", "2")})
	case what == "open" || len(live) == 0:
		return h.open()
	}
	v := h.one("live session", live)
	switch what {
	case "connection":
		return v.ID, h.ofConnection(v)
	case "session":
		return v.ID, h.ofSession(v)
	}
	return v.ID, pick[events.Event](h.t, "end", h.close(v), &events.SessionLost{Cause: h.reason(), LastSeen: h.moment()})
}

func (h *history) one(what string, from []*session) *session {
	return from[rapid.IntRange(0, len(from)-1).Draw(h.t, what)]
}

// open opens a session whose id may be higher than the next one, and opens the ids
// between later.
func (h *history) open() (uint64, events.Event) {
	var id uint64
	if len(h.late) > 0 && rapid.Bool().Draw(h.t, "late") {
		id, h.late = h.late[0], h.late[1:]
	} else {
		for range pick(h.t, "passed over", 0, 0, 0, 1, 2, 63, 64) {
			h.lastID++
			h.late = append(h.late, h.lastID)
		}
		h.lastID++
		id = h.lastID
	}
	return id, &events.SessionOpened{
		Type:     events.SessionType(rapid.IntRange(0, 1).Draw(h.t, "type")),
		Source:   pick(h.t, "source", sourceNames...),
		Service:  pick(h.t, "service", serviceNames...),
		Address:  pick(h.t, "address", "", "192.0.2.7", "2001:db8::1", "::", "0.0.0.0", "fe80::1%eth0", "/run/socket"),
		Port:     rapid.Uint16().Draw(h.t, "port"),
		TLS:      pick(h.t, "tls", "", "TLS 1.3"),
		Key:      pick(h.t, "key", "", "c-"+strconv.FormatUint(id, 10)),
		Listener: "0.0.0.0:4006", Protocol: "mysql", Incarnation: pick(h.t, "incarnation", "1", "2"),
	}
}

func (h *history) ofSession(v *session) events.Event {
	if v.Stage != projection.Stopping && rapid.IntRange(0, 3).Draw(h.t, "about a kill") == 0 {
		by := pick(h.t, "by", "ann", "bob")
		switch pick(h.t, "kill", "schedule", "withdraw", "request") {
		case "schedule":
			return &events.KillScheduled{By: by, Why: "maintenance", Due: h.moment()}
		case "withdraw":
			return &events.KillWithdrawn{By: by}
		}
		return &events.KillRequested{By: by, Why: "why not"}
	}
	if rapid.Bool().Draw(h.t, "statistics") {
		return &events.StatisticsRecorded{Final: h.final(0)}
	}
	return &events.SessionReady{User: pick(h.t, "user", "", "jdoe", "ann"), Database: "shop", Program: pick(h.t, "program", "", "psql")}
}

func (h *history) ofConnection(v *session) events.Event {
	number := rapid.Uint32Range(1, 3).Draw(h.t, "connection")
	c := v.last(number)
	isOpen := c != nil && c.State == projection.Open
	switch what := pick(h.t, "to do", "open", "open", "fail", "close", "count"); {
	case what == "fail":
		return &events.ConnectionFailed{Connection: number, Server: pick(h.t, "server", serverNames...), Cause: "connection refused"}
	case what == "count":
		return &events.StatisticsRecorded{Final: h.final(number)}
	case what == "close" && isOpen:
		return &events.ConnectionClosed{Reason: h.reason(), Final: h.final(number)}
	}
	e := &events.ConnectionOpened{Connection: number, Server: pick(h.t, "server", serverNames...), ServerID: rapid.Uint64Range(0, 2).Draw(h.t, "server's id")}
	if isOpen {
		e.Server = c.Server
	}
	return e
}

func (h *history) close(v *session) events.Event {
	e := &events.SessionClosed{
		Reason: h.reason(), By: pick(h.t, "by", "", "ann"),
		Description: pick(h.t, "description", "", "gone"), User: pick(h.t, "tried", "", "mallory"),
		Database: pick(h.t, "database tried", "", "attic"), Program: pick(h.t, "program tried", "", "crowbar"),
	}
	if rapid.Bool().Draw(h.t, "with finals") {
		e.Finals = append(e.Finals, h.final(0))
		for _, c := range v.Connections {
			e.Finals = append(e.Finals, h.final(c.Number))
		}
	}
	return e
}

func (h *history) ofSource() events.Event {
	name, incarnation := pick(h.t, "source", sourceNames...), pick(h.t, "incarnation", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
	known := slices.ContainsFunc(h.model.sources, func(v projection.Source) bool { return same(v.Name, name) })
	if !known || rapid.Bool().Draw(h.t, "start") {
		return &events.SourceStarted{Source: name, Incarnation: incarnation, Version: "1.0", Host: "gate", Lease: pick(h.t, "lease", int64(0), 5), Account: pick(h.t, "account", "", "ann")}
	}
	return pick[events.Event](h.t, "source event",
		&events.SourceStopped{Source: name, Incarnation: incarnation},
		&events.SourceSeen{Source: name, Incarnation: incarnation, Number: rapid.Uint64Range(0, 9).Draw(h.t, "number")},
		&events.SourceLost{Source: name, Incarnation: incarnation, LastSeen: h.moment()},
		&events.RecordingGap{Source: name, Sessions: 3, Events: 5, From: h.moment(), Until: h.moment()})
}

func (h *history) ofEntity() events.Event {
	server := pick(h.t, "server", serverNames...)
	switch pick(h.t, "entity", "service", "server", "state") {
	case "server":
		return &events.ServerDeclared{Name: server, Source: "gateway", Address: "192.0.2.1", Port: rapid.Uint16().Draw(h.t, "port"), Protocol: "mysql"}
	case "state":
		return &events.ServerChanged{Name: server, State: events.ServerState(rapid.IntRange(0, 2).Draw(h.t, "state")), Since: h.moment(), Cause: "refused"}
	}
	return &events.ServiceDeclared{
		Name: pick(h.t, "service", serviceNames...), Source: "gateway", Protocol: "mysql", Router: pick(h.t, "router", "priority", "leastconn"),
		Listeners: pick(h.t, "listeners", nil, []string{"0.0.0.0:4006"}), Servers: pick(h.t, "servers", nil, []string{"db-1", "db-2"}),
		Stopped: rapid.Bool().Draw(h.t, "stopped"),
	}
}

func (h *history) moment() events.Time {
	return events.Time(rapid.Int64Range(0, 2000).Draw(h.t, "moment"))
}

func (h *history) reason() events.Reason {
	return events.Reason(rapid.IntRange(1, int(events.ReasonError)).Draw(h.t, "reason"))
}

func (h *history) final(number uint32) events.Final {
	some := func() uint64 { return rapid.Uint64Range(0, 3).Draw(h.t, "counter") }
	return events.Final{Connection: number, Active: h.moment(), Counters: events.Counters{
		Reads: some(), Writes: some(), BufferedWrites: some(), HighWaterEvents: some(), LowWaterEvents: some(),
		BytesRead: some(), BytesWritten: some(),
	}}
}
