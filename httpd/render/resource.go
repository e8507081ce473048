package render

import "slices"

// Member describes one member of a resource's object.
type Member[T any] struct {
	Name string
	// When reports whether the member is shown when the request does not select members;
	// nil shows it always.
	When func(v T) bool
	// Value appends the member's value. Inner describes a member that is an object itself.
	// A member has one of the two.
	Value Value[T]
	Inner []Member[T]
	// Null reports whether a member that is an object itself is null; nil never is. Its own
	// members are null then as well, which is what CSV shows of them.
	Null func(r *Rendering, v T) bool

	extra bool // shown only when the request selects it
}

// Members returns the members of a resource, of which those on request are shown only when a
// request selects them.
func Members[T any](usual, onRequest []Member[T]) []Member[T] {
	for i := range onRequest {
		onRequest[i].extra = true
	}
	return append(usual, onRequest...)
}

// Resource is a kind of object, described by its members in the documented order. It is
// never changed.
type Resource[T any] struct {
	// Usual is the shape that is shown when the request does not select members.
	Usual Shape[T]

	members []Member[T]
}

// Shape is a selection of a resource's members, in the documented order.
type Shape[T any] []part[T]

type part[T any] struct {
	key   string // the member's name as JSON, between comma and colon
	when  func(v T) bool
	value Value[T]
	inner Shape[T]
	null  func(r *Rendering, v T) bool
}

// NewResource returns the resource that the members describe.
func NewResource[T any](members []Member[T]) *Resource[T] {
	return &Resource[T]{members: members, Usual: choose(members, func(outer, m *Member[T]) bool {
		return !m.extra && (outer == nil || !outer.extra)
	})}
}

// Shape returns the members that the parameter fields selects; nil selects the usual ones.
// The members in always are shown besides. Errors: a [*Failure] for a name that is no
// member's.
func (r *Resource[T]) Shape(fields []string, always ...string) (Shape[T], error) {
	if fields == nil && len(always) == 0 {
		return r.Usual, nil
	}
	if fields == nil {
		return choose(r.members, func(outer, m *Member[T]) bool {
			return !m.extra && (outer == nil || !outer.extra) || outer == nil && slices.Contains(always, m.Name)
		}), nil
	}
	known := append(r.Names(), "*")
	wanted := make(map[string]bool, len(fields))
	for _, name := range fields {
		if !slices.Contains(known, name) {
			return nil, unknownField(name, known)
		}
		wanted[name] = true
	}
	chosen := choose(r.members, func(outer, m *Member[T]) bool {
		if outer == nil {
			return wanted["*"] || wanted[m.Name] || slices.Contains(always, m.Name)
		}
		return wanted["*"] || wanted[outer.Name] && !m.extra || wanted[outer.Name+"."+m.Name]
	})
	for i := range chosen {
		chosen[i].when = nil // a selected member is always shown
	}
	return chosen, nil
}

// Names returns the names that the parameter fields takes, in the documented order, dotted
// for members of members.
func (r *Resource[T]) Names() []string { return memberNames(r.members) }

func memberNames[T any](members []Member[T]) []string {
	var all []string
	for _, m := range members {
		all = append(all, m.Name)
		for _, inner := range memberNames(m.Inner) {
			all = append(all, m.Name+"."+inner)
		}
	}
	return all
}

// ShapeFunc returns the shape of objects whose members differ from one to the next. members
// appends each of them with a comma before its name.
func ShapeFunc[T any](members Value[T]) Shape[T] { return Shape[T]{{value: members}} }

// choose returns the shape of the members that are shown. shown is called for each member
// that is no object itself, with the member that holds it. An object is shown when one of
// its members is.
func choose[T any](members []Member[T], shown func(outer, m *Member[T]) bool) Shape[T] {
	var s Shape[T]
	for i := range members {
		m := &members[i]
		p := part[T]{key: "," + string(AppendString(nil, m.Name)) + ":", when: m.When, value: m.Value}
		if m.Inner == nil {
			if shown(nil, m) {
				s = append(s, p)
			}
			continue
		}
		p.null = m.Null
		p.inner = choose(m.Inner, func(_, inner *Member[T]) bool { return shown(m, inner) })
		if p.inner != nil {
			s = append(s, p)
		}
	}
	return s
}

// Append appends v as a JSON object.
func (s Shape[T]) Append(b []byte, r *Rendering, v T) []byte {
	start := len(b)
	for i := range s {
		p := &s[i]
		if p.when != nil && !p.when(v) {
			continue
		}
		b = append(b, p.key...)
		if p.null != nil && p.null(r, v) {
			b = append(b, "null"...)
		} else if p.inner != nil {
			b = p.inner.Append(b, r, v)
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

// Objects returns a value that is an array of objects of a shape.
func Objects[T, E any](s Shape[E], of func(v T) []E) Value[T] {
	return func(b []byte, r *Rendering, v T) []byte {
		return AppendArray(b, of(v), func(b []byte, e E) []byte { return s.Append(b, r, e) })
	}
}
