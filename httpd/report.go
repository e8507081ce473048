package httpd

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

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
)

// reportText is a report as it is sent.
type reportText struct {
	Source      string     `json:"source"`
	Incarnation string     `json:"incarnation"`
	Version     string     `json:"version"`
	Host        string     `json:"host"`
	Lease       string     `json:"lease"`
	Number      *uint64    `json:"number"`
	Events      eventTexts `json:"events"`
}

// eventTexts are a report's events. They are turned into what they mean as they are
// read, so that a report costs what it may hold and not what is sent.
type eventTexts struct {
	limit int
	text  []byte // the whole report
	list  []gatebook.Reported
}

// parseReport reads a report of at most limit events, strictly.
func parseReport(text []byte, limit int) (gatebook.Report, error) {
	p := reportText{Events: eventTexts{limit: limit, text: text}}
	err := json.Unmarshal(text, &p, json.RejectUnknownMembers(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return gatebook.Report{}, malformed(err, -1, text)
	}
	report := gatebook.Report{
		Source: p.Source, Incarnation: p.Incarnation, Version: p.Version, Host: p.Host,
		Number: of(p.Number), Events: p.Events.list,
	}
	if p.Number != nil && *p.Number == 0 {
		return report, badReport("The number 0 is none: numbers begin at 1, and a report without one has no such member.")
	}
	if p.Lease != "" {
		if report.Lease, err = time.ParseDuration(p.Lease); err != nil {
			return report, badReport("The lease %q is no duration; one is written like 30s or 5m.", p.Lease)
		}
		if report.Lease <= 0 {
			return report, badReport("The lease %q is too short: it is from 1s to 24h.", p.Lease)
		}
	}
	return report, nil
}

// UnmarshalJSONFrom reads the list, one event after the other.
func (l *eventTexts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '[' {
		return badReport("The member events is a list of events, in brackets.")
	}
	for d.PeekKind() != ']' {
		i := len(l.list)
		if i >= l.limit {
			return &render.Failure{
				Status: http.StatusRequestEntityTooLarge, Title: "Report too large",
				Description: fmt.Sprintf("The report has more than %d events, which are allowed. Split it.", l.limit),
			}
		}
		var e eventText
		if err := json.UnmarshalDecode(d, &e); err != nil {
			if _, syntactic := errors.AsType[*jsontext.SyntacticError](err); syntactic {
				return err
			}
			return malformed(err, i, l.text)
		}
		reported, why := e.meaning()
		if why != "" {
			return &render.Failure{
				Status: http.StatusUnprocessableEntity, Title: "Report refused",
				Description: fmt.Sprintf("Event %d%s: %s. Nothing of the report was recorded.", i, named(e.Kind), why),
			}
		}
		l.list = append(l.list, reported)
	}
	_, err = d.ReadToken()
	return err
}

func badReport(format string, args ...any) error {
	return &render.Failure{Status: http.StatusBadRequest, Title: "Invalid report", Description: fmt.Sprintf(format, args...)}
}

// named is a kind behind its event's place, nothing for none.
func named(kind string) string {
	if kind == "" {
		return ""
	}
	return ", " + kind
}

// malformed tells what is wrong with the form of a report, or of one of its events:
// the one at that place, -1 for none.
func malformed(err error, place int, text []byte) error {
	if f, ok := errors.AsType[*render.Failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		where, of, path := "the report", reflect.TypeFor[reportText](), slices.Collect(e.JSONPointer.Tokens())
		if place >= 0 {
			where, of, path = fmt.Sprintf("event %d", place), reflect.TypeFor[eventText](), path[2:]
		}
		if len(path) == 0 {
			return badReport("%s is no object.", strings.ToUpper(where[:1])+where[1:])
		}
		inside, member := path[:len(path)-1], path[len(path)-1]
		if len(inside) > 0 {
			where = strings.Join(inside, "/") + " of " + where
		}
		if errors.Is(err, json.ErrUnknownName) {
			return unknownMember(where, member, within(of, inside))
		}
		if e.GoType != nil {
			return badReport("In %s the member %s holds %s, which is not %s.", where, member, held(text, e.JSONPointer), expected(e.GoType))
		}
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return badReport("A member is there twice: %v.", err)
	}
	return badReport("It is not JSON as a report is: %v.", err)
}

func unknownMember(where, member string, of reflect.Type) error {
	known := membersOf(of)
	long := fmt.Sprintf("In %s there is the member %q, which is not known. ", where, member)
	if like := render.Nearest(member, known); like != "" {
		long += fmt.Sprintf("Did you mean %s? ", like)
	}
	return badReport("%sKnown are: %s.", long, strings.Join(known, ", "))
}

// within is the type of what is held at a path of members and places in lists.
func within(t reflect.Type, path []string) reflect.Type {
	for _, name := range path {
		switch t = bare(t); t.Kind() {
		case reflect.Slice:
			t = t.Elem()
		case reflect.Struct:
			t = t.Field(slices.Index(membersOf(t), name)).Type
		}
	}
	return bare(t)
}

// bare is a type without pointers to it.
func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// held is what a report holds at a place, cut where it is long.
func held(report []byte, place jsontext.Pointer) string {
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
		return "something" // an element of a list, which is past
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

// expected says in words what a member holds.
func expected(t reflect.Type) string {
	t = bare(t)
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

// membersOf are the names of an object's members, in their order.
func membersOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("json"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// kindNames are the events that a report may carry.
func kindNames() []string {
	names := make([]string, 0, len(meanings))
	for name := range meanings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// occurrence is when an event is said to have happened. The year 1, in which Go's
// zero time is, is no way to say that it is not known.
func occurrence(t *time.Time) events.Time {
	if t != nil && t.IsZero() {
		return -1
	}
	return timeOf(t)
}

// timeOf is a time that may not be given.
func timeOf(t *time.Time) events.Time {
	if t == nil {
		return 0
	}
	return events.TimeOf(*t)
}
