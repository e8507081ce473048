package reports

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatebook/httpd/render"
)

// invalid returns the failure of a report that cannot be read.
func invalid(format string, args ...any) error {
	return &render.Failure{Status: http.StatusBadRequest, Title: "Invalid report", Description: fmt.Sprintf(format, args...)}
}

// malformedEvent returns the error of decoding the event at a place in the list. An error of
// JSON's syntax is that of the whole report.
func malformedEvent(err error, place int, text []byte) error {
	if long, ok := errors.AsType[*longListError](err); ok {
		return long.failure(place)
	}
	if _, syntactic := errors.AsType[*jsontext.SyntacticError](err); syntactic {
		return err
	}
	return malformed(err, place, text)
}

// malformed returns the failure that an error of decoding a report is answered with. place
// is the place of the event that was decoded, -1 for the report itself.
func malformed(err error, place int, text []byte) error {
	if f, ok := errors.AsType[*render.Failure](err); ok {
		return f
	}
	if e, ok := innermost(err); ok {
		where, of, path := "the report", reflect.TypeFor[wireReport](), slices.Collect(e.JSONPointer.Tokens())
		if place >= 0 {
			where, of, path = fmt.Sprintf("event %d", place), reflect.TypeFor[wireEvent](), path[2:]
		}
		if len(path) == 0 {
			return invalid("%s is no object.", strings.ToUpper(where[:1])+where[1:])
		}
		inside, member := path[:len(path)-1], path[len(path)-1]
		if len(inside) > 0 {
			where = strings.Join(inside, "/") + " of " + where
		}
		if errors.Is(err, json.ErrUnknownName) {
			return unknownMember(where, member, typeAt(of, inside))
		}
		if e.GoType != nil {
			return invalid("In %s the member %s holds %s, which is not %s.", where, member, valueAt(text, e.JSONPointer), describe(e.GoType))
		}
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return invalid("A member is there twice: %v.", err)
	}
	return invalid("It is not JSON as a report is: %v.", err)
}

// innermost returns the error of decoding that is about the smallest part of a report.
func innermost(err error) (e *json.SemanticError, found bool) {
	for {
		next, ok := errors.AsType[*json.SemanticError](err)
		if !ok {
			return e, found
		}
		e, found, err = next, true, next.Err
	}
}

func unknownMember(where, member string, of reflect.Type) error {
	known := membersOf(of)
	description := fmt.Sprintf("In %s there is the member %q, which is not known. ", where, member)
	if like := render.Nearest(member, known); like != "" {
		description += fmt.Sprintf("Did you mean %s? ", like)
	}
	return invalid("%sKnown are: %s.", description, strings.Join(known, ", "))
}

// typeAt returns the type of the value at a path of members and places in lists.
func typeAt(t reflect.Type, path []string) reflect.Type {
	for _, name := range path {
		switch t = pointedTo(t); t.Kind() {
		case reflect.Slice:
			t = t.Elem()
		case reflect.Struct:
			t = t.Field(slices.Index(membersOf(t), name)).Type
		}
	}
	return pointedTo(t)
}

// pointedTo returns a type without the pointers to it.
func pointedTo(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// valueAt returns the JSON that a report holds at a place, cut where it is long, and
// "something" when it cannot be found.
func valueAt(report []byte, place jsontext.Pointer) string {
	const most = 64
	d := jsontext.NewDecoder(bytes.NewReader(report), jsontext.AllowInvalidUTF8(true))
	parent, _ := d.StackIndex(0)
	for d.StackPointer() != place {
		if _, err := d.ReadToken(); err != nil {
			return "something"
		}
		parent, _ = d.StackIndex(d.StackDepth())
	}
	if parent != '{' {
		return "something" // the decoder has read past an element of a list
	}
	value, err := d.ReadValue()
	switch {
	case err != nil:
		return "something"
	case len(value) > most:
		return strings.ToValidUTF8(string(value[:most]), "") + "…"
	}
	return string(value)
}

// describe returns in words what a member of that type holds.
func describe(t reflect.Type) string {
	t = pointedTo(t)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time, as in 2026-11-23T07:00:00.25Z"
	case t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Struct:
		return "an object"
	}
	return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<t.Bits()-1)
}

// membersOf returns the names of an object's members, in their order.
func membersOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("json"); name != "" {
			names = append(names, name)
		}
	}
	return names
}
