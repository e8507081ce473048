package httpd

import (
	"strconv"
	"time"

	"gatebook/events"
)

// eventShape renders a record: where it stands in the log, and the members of its
// event. What is unknown is null; all members of a kind are always there.
var eventShape = shape[events.Record]{
	{key: `,"sequence":`, value: number(func(r events.Record) uint64 { return r.Sequence })},
	{key: `,"time":`, value: moment(func(r events.Record) events.Time { return r.Recorded })},
	{key: `,"occurred":`, value: moment(func(r events.Record) events.Time { return r.Occurred })},
	{key: `,"kind":`, value: text(func(r events.Record) string { return r.Event.Kind().String() })},
	{key: `,"session":`, value: knownNumber(func(r events.Record) uint64 { return r.Session })},
	{key: `,"erased":true`, when: func(r events.Record) bool { return r.Erased }, value: nothing},
	// It is no one member: the event's own follow, each with its key.
	{value: func(b []byte, _ *rendering, r events.Record) []byte {
		v := eventRenderer{b: b}
		visit(r.Event, &v)
		return v.b
	}},
}

// nothing is the value of a member whose key has it already.
func nothing(b []byte, _ *rendering, _ events.Record) []byte { return b }

// eventRenderer appends members to an object.
type eventRenderer struct{ b []byte }

func (v *eventRenderer) name(name string) {
	v.b = append(append(append(v.b, `,"`...), name...), `":`...)
}

func (v *eventRenderer) text(name string, s *string) {
	v.name(name)
	v.b = appendKnown(v.b, *s)
}

func (v *eventRenderer) texts(name string, all *[]string) {
	v.name(name)
	v.b = appendArray(v.b, *all, appendString)
}

func (v *eventRenderer) flag(name string, is *bool) {
	v.name(name)
	v.b = strconv.AppendBool(v.b, *is)
}

func (v *eventRenderer) port(name string, n *uint16) { v.known(name, uint64(*n)) }

func (v *eventRenderer) count(name string, n *uint64) { v.known(name, *n) }

func (v *eventRenderer) known(name string, n uint64) {
	v.name(name)
	if n == 0 {
		v.b = append(v.b, "null"...)
		return
	}
	v.b = strconv.AppendUint(v.b, n, 10)
}

func (v *eventRenderer) index(name string, n *uint32) {
	v.name(name)
	v.b = strconv.AppendUint(v.b, uint64(*n), 10)
}

func (v *eventRenderer) total(name string, n *uint64) {
	v.name(name)
	v.b = strconv.AppendUint(v.b, *n, 10)
}

func (v *eventRenderer) lease(name string, micros *int64) {
	text := ""
	if *micros != 0 {
		text = (time.Duration(*micros) * time.Microsecond).String()
	}
	v.text(name, &text)
}

func (v *eventRenderer) moment(name string, t *events.Time) {
	v.name(name)
	v.b = appendTime(v.b, *t)
}

func (v *eventRenderer) reason(name string, r *events.Reason) {
	v.name(name)
	v.b = appendKnown(v.b, r.String())
}

func (v *eventRenderer) state(name string, s *events.ServerState) {
	v.name(name)
	v.b = appendKnown(v.b, s.String())
}

func (v *eventRenderer) kind(name string, t *events.SessionType) {
	v.name(name)
	v.b = appendKnown(v.b, t.String())
}

func (v *eventRenderer) counters(name string, c *events.Counters) {
	v.name(name)
	v.object(func() { visitCounters(c, v) })
}

func (v *eventRenderer) finals(name string, all *[]events.Final) {
	v.name(name)
	v.b = append(v.b, '[')
	for i := range *all {
		if i > 0 {
			v.b = append(v.b, ',')
		}
		v.object(func() { visitFinal(&(*all)[i], v) })
	}
	v.b = append(v.b, ']')
}

// object appends an object with the members that are visited.
func (v *eventRenderer) object(members func()) {
	start := len(v.b)
	members()
	v.b[start] = '{' // in place of the first comma
	v.b = append(v.b, '}')
}
