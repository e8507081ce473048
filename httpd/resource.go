package httpd

import (
	"slices"

	"gatebook/events"
)

// member describes one member of a resource's object.
type member[T any] struct {
	name string
	// extra members are shown on request only; of the others those with a when
	// are shown by default where it holds.
	extra bool
	when  func(v T) bool
	// value appends the member's value; inner are the members of one that is an
	// object itself. A member has one of the two.
	value value[T]
	inner []member[T]
}

// members joins those that are shown by default and those that are shown on
// request.
func members[T any](usual, onRequest []member[T]) []member[T] {
	for i := range onRequest {
		onRequest[i].extra = true
	}
	return append(usual, onRequest...)
}

// rendering is what the values of one answer have in common.
type rendering struct {
	now     events.Time
	service lastLink
	dates   calendar
}

// resource is a kind of object, described by its members in the documented order.
type resource[T any] struct {
	members []member[T]
	usual   shape[T] // what is shown when nothing else is asked for
}

// shape is a choice of a resource's members.
type shape[T any] []part[T]

type part[T any] struct {
	key   string // the member's name as JSON, between comma and colon
	when  func(v T) bool
	value value[T]
	inner shape[T]
}

func newResource[T any](members []member[T]) *resource[T] {
	return &resource[T]{members: members, usual: choose(members, func(outer, m *member[T]) bool {
		return !m.extra && (outer == nil || !outer.extra)
	})}
}

// shape is what the parameter fields selects; nil selects the usual members.
func (r *resource[T]) shape(fields []string) (shape[T], error) {
	if fields == nil {
		return r.usual, nil
	}
	known := append(names(r.members), "*")
	wanted := make(map[string]bool, len(fields))
	for _, name := range fields {
		if !slices.Contains(known, name) {
			return nil, unknownField(name, known)
		}
		wanted[name] = true
	}
	chosen := choose(r.members, func(outer, m *member[T]) bool {
		if outer == nil {
			return wanted["*"] || wanted[m.name]
		}
		return wanted["*"] || wanted[outer.name] && !m.extra || wanted[outer.name+"."+m.name]
	})
	for i := range chosen {
		chosen[i].when = nil // what was asked for is there
	}
	return chosen, nil
}

// choose makes the shape of the members that are shown, which is asked of those
// that are no objects themselves, with the member they are in. An object is there
// when one of its members is.
func choose[T any](members []member[T], shown func(outer, m *member[T]) bool) shape[T] {
	var s shape[T]
	for i := range members {
		m := &members[i]
		p := part[T]{key: "," + string(appendString(nil, m.name)) + ":", when: m.when, value: m.value}
		if m.inner == nil {
			if shown(nil, m) {
				s = append(s, p)
			}
			continue
		}
		p.inner = choose(m.inner, func(_, inner *member[T]) bool { return shown(m, inner) })
		if p.inner != nil {
			s = append(s, p)
		}
	}
	return s
}

// names are the names that the parameter fields takes, dotted for members of
// members.
func names[T any](members []member[T]) []string {
	var all []string
	for _, m := range members {
		all = append(all, m.name)
		for _, inner := range names(m.inner) {
			all = append(all, m.name+"."+inner)
		}
	}
	return all
}

// append appends v as a JSON object.
func (s shape[T]) append(b []byte, r *rendering, v T) []byte {
	start := len(b)
	for i := range s {
		p := &s[i]
		if p.when != nil && !p.when(v) {
			continue
		}
		b = append(b, p.key...)
		if p.inner != nil {
			b = p.inner.append(b, r, v)
		} else {
			b = p.value(b, r, v)
		}
	}
	if len(b) == start {
		return append(b, "{}"...)
	}
	b[start] = '{' // in place of the first comma
	return append(b, '}')
}
