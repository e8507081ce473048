package httpd

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
)

// eventText is an event as it is sent: all members that any kind has. Nil are those
// that are not there.
type eventText struct {
	Kind     string     `json:"kind"`
	Key      string     `json:"key"`
	Occurred *time.Time `json:"occurred"`

	Type     *string `json:"type"`
	Service  *string `json:"service"`
	Listener *string `json:"listener"`
	Protocol *string `json:"protocol"`
	Address  *string `json:"address"`
	Port     *uint16 `json:"port"`
	TLS      *string `json:"tls"`
	Subject  *string `json:"subject"`

	User     *string `json:"user"`
	Database *string `json:"database"`
	Program  *string `json:"program"`

	Connection   *uint32 `json:"connection"`
	Server       *string `json:"server"`
	ConnectionID *uint64 `json:"connection_id"`
	Cause        *string `json:"cause"`

	Statistics *countersText `json:"statistics"`
	Active     *time.Time    `json:"active"`

	Reason      *string      `json:"reason"`
	By          *string      `json:"by"`
	Description *string      `json:"description"`
	Connections *[]finalText `json:"connections"`

	Name      *string   `json:"name"`
	Router    *string   `json:"router"`
	Listeners *[]string `json:"listeners"`
	Servers   *[]string `json:"servers"`
}

type finalText struct {
	Connection uint32       `json:"connection"`
	Statistics countersText `json:"statistics"`
	Active     *time.Time   `json:"active"`
}

type countersText struct {
	Reads           uint64 `json:"reads"`
	Writes          uint64 `json:"writes"`
	BufferedWrites  uint64 `json:"buffered_writes"`
	HighWaterEvents uint64 `json:"high_water_events"`
	LowWaterEvents  uint64 `json:"low_water_events"`
	BytesRead       uint64 `json:"bytes_read"`
	BytesWritten    uint64 `json:"bytes_written"`
}

func (t *countersText) counters() events.Counters { return events.Counters(*t) }

func (t *finalText) final() events.Final {
	return events.Final{Connection: t.Connection, Counters: t.Statistics.counters(), Active: timeOf(t.Active)}
}

// meaning is what a kind of event takes, besides kind, key and occurred, and how it
// becomes an event.
type meaning struct {
	takes, needs []string
	make         func(e *eventText) (event events.Event, why string)
	observed     bool
}

// of is what a member holds, its zero value where it is not there.
func of[T any](v *T) (held T) {
	if v != nil {
		held = *v
	}
	return held
}

var statisticsMeaning = meaning{
	takes: []string{"connection", "statistics", "active"}, needs: []string{"statistics"},
	make: func(e *eventText) (events.Event, string) { return &events.StatisticsRecorded{Final: e.final()}, "" },
}

// meanings are those of every kind that a report may carry. Nothing changes it.
var meanings = map[string]meaning{
	"session_opened": {
		takes: []string{"type", "service", "listener", "protocol", "address", "port", "tls", "subject"}, needs: []string{"service"},
		make: (*eventText).opened,
	},
	"session_ready": {
		takes: []string{"user", "database", "program"},
		make: func(e *eventText) (events.Event, string) {
			return &events.SessionReady{User: of(e.User), Database: of(e.Database), Program: of(e.Program)}, ""
		},
	},
	"session_closed": {
		takes: []string{"reason", "by", "description", "user", "database", "program", "connections"}, needs: []string{"reason"},
		make: (*eventText).closed,
	},
	"connection_opened": {
		takes: []string{"connection", "server", "connection_id"}, needs: []string{"connection", "server"},
		make: func(e *eventText) (events.Event, string) {
			return &events.ConnectionOpened{Connection: of(e.Connection), Server: of(e.Server), ServerID: of(e.ConnectionID)}, ""
		},
	},
	"connection_failed": {
		takes: []string{"connection", "server", "cause"}, needs: []string{"connection", "server"},
		make: func(e *eventText) (events.Event, string) {
			return &events.ConnectionFailed{Connection: of(e.Connection), Server: of(e.Server), Cause: of(e.Cause)}, ""
		},
	},
	"connection_closed": {
		takes: []string{"connection", "reason", "statistics", "active"}, needs: []string{"connection", "reason"},
		make: func(e *eventText) (events.Event, string) {
			reason, why := e.reason()
			return &events.ConnectionClosed{Reason: reason, Final: e.final()}, why
		},
	},
	"statistics_recorded": statisticsMeaning,
	"statistics_observed": {takes: statisticsMeaning.takes, needs: statisticsMeaning.needs, make: statisticsMeaning.make, observed: true},
	"service_declared": {
		takes: []string{"name", "protocol", "router", "listeners", "servers"}, needs: []string{"name"},
		make: func(e *eventText) (events.Event, string) {
			return &events.ServiceDeclared{
				Name: of(e.Name), Protocol: of(e.Protocol), Router: of(e.Router), Listeners: of(e.Listeners), Servers: of(e.Servers),
			}, ""
		},
	},
	"server_declared": {
		takes: []string{"name", "address", "port", "protocol"}, needs: []string{"name"},
		make: func(e *eventText) (events.Event, string) {
			return &events.ServerDeclared{Name: of(e.Name), Address: of(e.Address), Port: of(e.Port), Protocol: of(e.Protocol)}, ""
		},
	},
}

// meaning is the event that is told. Why says what is wrong with it, "" if nothing is.
func (e *eventText) meaning() (r gatebook.Reported, why string) {
	m, ok := meanings[e.Kind]
	if !ok {
		return r, unknownKind(e.Kind)
	}
	if why = e.checkMembers(&m); why != "" {
		return r, why
	}
	r = gatebook.Reported{Key: e.Key, Occurred: occurrence(e.Occurred).Time(), Observed: m.observed}
	r.Event, why = m.make(e)
	return r, why
}

func unknownKind(kind string) string {
	known := kindNames()
	why := "a report carries no such kind. "
	if kind == "" {
		why = "it has no kind. "
	} else if like := render.Nearest(kind, known); like != "" {
		why += "Did you mean " + like + "? "
	}
	return why + "Known are: " + strings.Join(known, ", ")
}

// checkMembers tells which member is too many, or missing.
func (e *eventText) checkMembers(m *meaning) string {
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		if v.Field(i).Kind() != reflect.Pointer || name == "occurred" {
			continue
		}
		there := !v.Field(i).IsNil()
		switch {
		case there && !slices.Contains(m.takes, name):
			return fmt.Sprintf("it does not take the member %s; it takes: kind, key, occurred, %s", name, strings.Join(m.takes, ", "))
		case !there && slices.Contains(m.needs, name):
			return "it lacks the member " + name
		}
	}
	return ""
}

func (e *eventText) opened() (events.Event, string) {
	event := &events.SessionOpened{
		Service: of(e.Service), Listener: of(e.Listener), Protocol: of(e.Protocol),
		Address: of(e.Address), Port: of(e.Port), TLS: of(e.TLS), Subject: of(e.Subject),
	}
	switch name := of(e.Type); name {
	case "", events.TypeClient.String():
	case events.TypeCancel.String():
		event.Type = events.TypeCancel
	default:
		return nil, fmt.Sprintf("the type %q is not known: it is client or cancel", name)
	}
	return event, ""
}

func (e *eventText) closed() (events.Event, string) {
	reason, why := e.reason()
	event := &events.SessionClosed{
		Reason: reason, By: of(e.By), Description: of(e.Description),
		User: of(e.User), Database: of(e.Database), Program: of(e.Program),
	}
	for _, f := range of(e.Connections) {
		event.Finals = append(event.Finals, f.final())
	}
	return event, why
}

func (e *eventText) final() events.Final {
	f := finalText{Connection: of(e.Connection), Statistics: of(e.Statistics), Active: e.Active}
	return f.final()
}

func (e *eventText) reason() (events.Reason, string) {
	name := of(e.Reason)
	reason, ok := events.ParseReason(name)
	if ok {
		return reason, ""
	}
	var known []string
	for r := events.ReasonClientClosed; r.String() != ""; r++ {
		if r != events.ReasonSourceLost && r != events.ReasonRegistryCrashed {
			known = append(known, r.String())
		}
	}
	why := fmt.Sprintf("the reason %q is not known. ", name)
	if like := render.Nearest(name, known); like != "" {
		why += "Did you mean " + like + "? "
	}
	return 0, why + "Known are: " + strings.Join(known, ", ")
}
