package reports

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
)

// wireEvent is an event as it is sent, with the members of all kinds. A member that is not
// sent is nil.
type wireEvent struct {
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

	Statistics *wireCounters `json:"statistics"`
	Active     *time.Time    `json:"active"`

	Reason      *string     `json:"reason"`
	By          *string     `json:"by"`
	Description *string     `json:"description"`
	Connections *wireFinals `json:"connections"`

	Name      *string        `json:"name"`
	Router    *string        `json:"router"`
	Listeners *wireListeners `json:"listeners"`
	Servers   *wireServers   `json:"servers"`
}

type wireFinal struct {
	Connection uint32       `json:"connection"`
	Statistics wireCounters `json:"statistics"`
	Active     *time.Time   `json:"active"`
}

type wireCounters struct {
	Reads           uint64 `json:"reads"`
	Writes          uint64 `json:"writes"`
	BufferedWrites  uint64 `json:"buffered_writes"`
	HighWaterEvents uint64 `json:"high_water_events"`
	LowWaterEvents  uint64 `json:"low_water_events"`
	BytesRead       uint64 `json:"bytes_read"`
	BytesWritten    uint64 `json:"bytes_written"`
}

func (t *wireCounters) counters() events.Counters { return events.Counters(*t) }

func (t *wireFinal) final() events.Final {
	return events.Final{Connection: t.Connection, Counters: t.Statistics.counters(), Active: timeOf(t.Active)}
}

// eventDecoder decodes a kind of event.
type eventDecoder struct {
	// takes names the members that the kind takes besides kind, key and occurred, needs
	// those that it cannot do without.
	takes, needs []string
	// make returns the event; why is what is wrong with it, "" when nothing is.
	make func(e *wireEvent) (event events.Event, why string)
	// observed is set when the event is an observation, which is not recorded.
	observed bool
}

// deref returns the value of a member, its zero value when it is not sent.
func deref[T any](member *T) (v T) {
	if member != nil {
		v = *member
	}
	return v
}

var statisticsDecoder = eventDecoder{
	takes: []string{"connection", "statistics", "active"}, needs: []string{"statistics"},
	make: func(e *wireEvent) (events.Event, string) { return &events.StatisticsRecorded{Final: e.final()}, "" },
}

// decoders holds the decoder of every kind that a report may carry. It is never changed.
var decoders = map[string]eventDecoder{
	"session_opened": {
		takes: []string{"type", "service", "listener", "protocol", "address", "port", "tls", "subject"}, needs: []string{"service"},
		make: (*wireEvent).opened,
	},
	"session_ready": {
		takes: []string{"user", "database", "program"},
		make: func(e *wireEvent) (events.Event, string) {
			return &events.SessionReady{User: deref(e.User), Database: deref(e.Database), Program: deref(e.Program)}, ""
		},
	},
	"login_failed": {
		takes: []string{"user", "database", "program", "description"},
		make: func(e *wireEvent) (events.Event, string) {
			return &events.LoginFailed{
				User: deref(e.User), Database: deref(e.Database), Program: deref(e.Program), Description: deref(e.Description),
			}, ""
		},
	},
	"session_closed": {
		takes: []string{"reason", "by", "description", "user", "database", "program", "type", "connections"}, needs: []string{"reason"},
		make: (*wireEvent).closed,
	},
	"connection_opened": {
		takes: []string{"connection", "server", "connection_id"}, needs: []string{"connection", "server"},
		make: func(e *wireEvent) (events.Event, string) {
			return &events.ConnectionOpened{Connection: deref(e.Connection), Server: deref(e.Server), ServerID: deref(e.ConnectionID)}, ""
		},
	},
	"connection_failed": {
		takes: []string{"connection", "server", "cause"}, needs: []string{"connection", "server"},
		make: func(e *wireEvent) (events.Event, string) {
			return &events.ConnectionFailed{Connection: deref(e.Connection), Server: deref(e.Server), Cause: deref(e.Cause)}, ""
		},
	},
	"connection_closed": {
		takes: []string{"connection", "reason", "statistics", "active"}, needs: []string{"connection", "reason"},
		make: func(e *wireEvent) (events.Event, string) {
			reason, why := e.reason()
			return &events.ConnectionClosed{Reason: reason, Final: e.final()}, why
		},
	},
	"statistics_recorded": statisticsDecoder,
	"statistics_observed": {takes: statisticsDecoder.takes, needs: statisticsDecoder.needs, make: statisticsDecoder.make, observed: true},
	"service_declared": {
		takes: []string{"name", "protocol", "router", "listeners", "servers"}, needs: []string{"name"},
		make: func(e *wireEvent) (events.Event, string) {
			return &events.ServiceDeclared{
				Name: deref(e.Name), Protocol: deref(e.Protocol), Router: deref(e.Router), Listeners: deref(e.Listeners), Servers: deref(e.Servers),
			}, ""
		},
	},
	"server_declared": {
		takes: []string{"name", "address", "port", "protocol"}, needs: []string{"name"},
		make: func(e *wireEvent) (events.Event, string) {
			return &events.ServerDeclared{Name: deref(e.Name), Address: deref(e.Address), Port: deref(e.Port), Protocol: deref(e.Protocol)}, ""
		},
	},
}

// Kinds returns the kinds of events that a report may carry, in alphabetical order.
func Kinds() []string { return slices.Sorted(maps.Keys(decoders)) }

// decode returns the reported event; why is what is wrong with it, "" when nothing is.
func (e *wireEvent) decode() (r gatebook.Reported, why string) {
	d, ok := decoders[e.Kind]
	if !ok {
		return r, unknownKind(e.Kind)
	}
	if why = e.checkMembers(&d); why != "" {
		return r, why
	}
	r = gatebook.Reported{Key: e.Key, Occurred: occurred(e.Occurred).Time(), Observed: d.observed}
	r.Event, why = d.make(e)
	return r, why
}

// occurred returns when an event is said to have happened, 0 when that is not said. The year
// 1, in which Go's zero time lies, does not stand for a time that is not known.
func occurred(t *time.Time) events.Time {
	if t != nil && t.IsZero() {
		return -1
	}
	return timeOf(t)
}

// timeOf returns a time that may be absent, 0 when it is.
func timeOf(t *time.Time) events.Time {
	if t == nil {
		return 0
	}
	return events.TimeOf(*t)
}

// elements returns how many elements the lists of the event have.
func (e *wireEvent) elements() int {
	return len(deref(e.Connections)) + len(deref(e.Listeners)) + len(deref(e.Servers))
}

func unknownKind(kind string) string {
	known := Kinds()
	why := "a report carries no such kind. "
	if kind == "" {
		why = "it has no kind. "
	} else if like := render.Nearest(kind, known); like != "" {
		why += "Did you mean " + like + "? "
	}
	return why + "Known are: " + strings.Join(known, ", ")
}

// checkMembers returns what is wrong when the event has a member that its kind does not take,
// or lacks one that it needs; "" when nothing is.
func (e *wireEvent) checkMembers(d *eventDecoder) string {
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		if v.Field(i).Kind() != reflect.Pointer || name == "occurred" {
			continue
		}
		there := !v.Field(i).IsNil()
		switch {
		case there && !slices.Contains(d.takes, name):
			return fmt.Sprintf("it does not take the member %s; it takes: kind, key, occurred, %s", name, strings.Join(d.takes, ", "))
		case !there && slices.Contains(d.needs, name):
			return "it lacks the member " + name
		}
	}
	return ""
}

func (e *wireEvent) opened() (events.Event, string) {
	event := &events.SessionOpened{
		Service: deref(e.Service), Listener: deref(e.Listener), Protocol: deref(e.Protocol),
		Address: deref(e.Address), Port: deref(e.Port), TLS: deref(e.TLS), Subject: deref(e.Subject),
	}
	var why string
	event.Type, why = e.sessionType()
	return event, why
}

func (e *wireEvent) sessionType() (events.SessionType, string) {
	switch name := deref(e.Type); name {
	case "", events.TypeClient.String():
		return events.TypeClient, ""
	case events.TypeCancel.String():
		return events.TypeCancel, ""
	default:
		return 0, fmt.Sprintf("the type %q is not known: it is client or cancel", name)
	}
}

func (e *wireEvent) closed() (events.Event, string) {
	reason, why := e.reason()
	event := &events.SessionClosed{
		Reason: reason, By: deref(e.By), Description: deref(e.Description),
		User: deref(e.User), Database: deref(e.Database), Program: deref(e.Program),
	}
	for _, f := range deref(e.Connections) {
		event.Finals = append(event.Finals, f.final())
	}
	if why == "" {
		event.Type, why = e.sessionType()
	}
	return event, why
}

func (e *wireEvent) final() events.Final {
	f := wireFinal{Connection: deref(e.Connection), Statistics: deref(e.Statistics), Active: e.Active}
	return f.final()
}

func (e *wireEvent) reason() (events.Reason, string) {
	name := deref(e.Reason)
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
