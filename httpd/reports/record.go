package reports

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
)

// KeyOf returns the key of a session, the name that its source gave it; "" for none.
type KeyOf func(session uint64) string

// RecordShape returns the shape of a record: its place in the log, and the members of its
// event. A kill request has the key of its session too, by which a source knows it.
func RecordShape(key KeyOf) render.Shape[events.Record] {
	return render.ShapeFunc(func(b []byte, _ *render.Rendering, r events.Record) []byte {
		return appendMembers(b, &r, key)
	})
}

// AppendRecord appends a record as a JSON object of the shape [RecordShape].
func AppendRecord(b []byte, r *events.Record, key KeyOf) []byte {
	start := len(b)
	b = appendMembers(b, r, key)
	b[start] = '{' // in place of the first comma
	return append(b, '}')
}

// AppendObservation appends observed counters of a session's connection as a JSON object.
func AppendObservation(b []byte, session uint64, observed events.Final) []byte {
	v := jsonWriter{b: b}
	v.object(func() {
		v.count("session", &session)
		visitFinal(&observed, &v)
	})
	return v.b
}

// appendMembers appends the members of a record, each with a comma before its name.
func appendMembers(b []byte, r *events.Record, key KeyOf) []byte {
	v := jsonWriter{b: b}
	v.total("sequence", &r.Sequence)
	v.moment("time", &r.Recorded)
	v.moment("occurred", &r.Occurred)
	v.name("kind")
	v.b = render.AppendString(v.b, r.Event.Kind().String())
	v.count("session", &r.Session)
	if r.Erased() {
		v.b = append(v.b, `,"erased":true`...)
	}
	if r.Event.Kind() == events.KindKillRequested {
		text := key(r.Session)
		v.text("key", &text)
	}
	visitFields(r.Event, &v)
	return v.b
}

// jsonWriter appends the members of an event to a JSON object.
type jsonWriter struct{ b []byte }

func (v *jsonWriter) name(name string) {
	v.b = append(append(append(v.b, `,"`...), name...), `":`...)
}

func (v *jsonWriter) text(name string, s *string) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, *s)
}

func (v *jsonWriter) texts(name string, all *[]string) {
	v.name(name)
	v.b = render.AppendArray(v.b, *all, render.AppendString)
}

func (v *jsonWriter) flag(name string, is *bool) {
	v.name(name)
	v.b = strconv.AppendBool(v.b, *is)
}

func (v *jsonWriter) port(name string, n *uint16) { v.numberOrNull(name, uint64(*n)) }

func (v *jsonWriter) count(name string, n *uint64) { v.numberOrNull(name, *n) }

func (v *jsonWriter) numberOrNull(name string, n uint64) {
	v.name(name)
	if n == 0 {
		v.b = append(v.b, "null"...)
		return
	}
	v.b = strconv.AppendUint(v.b, n, 10)
}

func (v *jsonWriter) index(name string, n *uint32) {
	v.name(name)
	v.b = strconv.AppendUint(v.b, uint64(*n), 10)
}

func (v *jsonWriter) total(name string, n *uint64) {
	v.name(name)
	v.b = strconv.AppendUint(v.b, *n, 10)
}

func (v *jsonWriter) lease(name string, micros *int64) {
	text := ""
	if *micros != 0 {
		text = (time.Duration(*micros) * time.Microsecond).String()
	}
	v.text(name, &text)
}

func (v *jsonWriter) moment(name string, t *events.Time) {
	v.name(name)
	v.b = render.AppendTime(v.b, *t)
}

func (v *jsonWriter) reason(name string, r *events.Reason) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, r.String())
}

func (v *jsonWriter) state(name string, s *events.ServerState) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, s.String())
}

func (v *jsonWriter) kind(name string, t *events.SessionType) {
	v.name(name)
	v.b = render.AppendStringOrNull(v.b, t.String())
}

func (v *jsonWriter) counters(name string, c *events.Counters) {
	v.name(name)
	v.object(func() { visitCounters(c, v) })
}

func (v *jsonWriter) finals(name string, all *[]events.Final) {
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

// object appends an object with the members that members visits.
func (v *jsonWriter) object(members func()) {
	start := len(v.b)
	members()
	v.b[start] = '{' // in place of the first comma
	v.b = append(v.b, '}')
}

// AppendResult appends the members of the answer to a report.
func AppendResult(b []byte, got gatebook.ReportResult) []byte {
	b = strconv.AppendInt(append(b, `"accepted":`...), int64(got.Accepted), 10)
	b = append(b, `,"sessions":{`...)
	for i, key := range slices.Sorted(maps.Keys(got.Sessions)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(render.AppendString(b, key), ':')
		b = strconv.AppendUint(b, got.Sessions[key], 10)
	}
	return strconv.AppendUint(append(b, `},"sequence":`...), got.Sequence, 10)
}
