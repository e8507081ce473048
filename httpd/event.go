package httpd

import (
	"strconv"
	"time"

	"gatebook/events"
	"gatebook/httpd/render"
)

// eventShape renders a record: where it stands in the log, and the members of its
// event. What is unknown is null; all members of a kind are always there.
var eventShape = render.ShapeFunc(func(b []byte, _ *render.Rendering, r events.Record) []byte {
	v := eventRenderer{b: b}
	v.total("sequence", &r.Sequence)
	v.moment("time", &r.Recorded)
	v.moment("occurred", &r.Occurred)
	v.name("kind")
	v.b = render.AppendString(v.b, r.Event.Kind().String())
	v.count("session", &r.Session)
	if r.Erased {
		v.b = append(v.b, `,"erased":true`...)
	}
	visit(r.Event, &v)
	return v.b
})

// eventRenderer appends members to an object.
type eventRenderer struct{ b []byte }

func (v *eventRenderer) name(name string) {
	v.b = append(append(append(v.b, `,"`...), name...), `":`...)
}

func (v *eventRenderer) text(name string, s *string) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, *s)
}

func (v *eventRenderer) texts(name string, all *[]string) {
	v.name(name)
	v.b = render.AppendArray(v.b, *all, render.AppendString)
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
	v.b = render.AppendTime(v.b, *t)
}

func (v *eventRenderer) reason(name string, r *events.Reason) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, r.String())
}

func (v *eventRenderer) state(name string, s *events.ServerState) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, s.String())
}

func (v *eventRenderer) kind(name string, t *events.SessionType) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, t.String())
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
