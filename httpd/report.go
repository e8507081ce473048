package httpd

import (
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
)

// reportText is a report as it is sent.
type reportText struct {
	Source      string     `json:"source"`
	Incarnation string     `json:"incarnation"`
	Version     string     `json:"version"`
	Host        string     `json:"host"`
	Lease       string     `json:"lease"`
	Number      uint64     `json:"number"`
	Events      eventTexts `json:"events"`
}

// eventTexts are a report's events. They are turned into what they mean as they are
// read, so that a report costs what it may hold and not what is sent.
type eventTexts struct {
	limit int
	list  []gatebook.Reported
}

// parseReport reads a report of at most limit events, strictly.
func parseReport(text []byte, limit int) (gatebook.Report, error) {
	p := reportText{Events: eventTexts{limit: limit}}
	err := json.Unmarshal(text, &p, json.RejectUnknownMembers(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return gatebook.Report{}, malformed(err, "", reflect.TypeFor[reportText]())
	}
	report := gatebook.Report{
		Source: p.Source, Incarnation: p.Incarnation, Version: p.Version, Host: p.Host,
		Number: p.Number, Events: p.Events.list,
	}
	if p.Lease != "" {
		if report.Lease, err = time.ParseDuration(p.Lease); err != nil || report.Lease <= 0 {
			return report, badReport("The lease %q is no duration; one is written like 30s or 5m.", p.Lease)
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
			return &failure{
				status: http.StatusRequestEntityTooLarge, short: "Report too large",
				long: fmt.Sprintf("The report has more than %d events, which are allowed. Split it.", l.limit),
			}
		}
		var e eventText
		if err := json.UnmarshalDecode(d, &e); err != nil {
			if _, syntactic := errors.AsType[*jsontext.SyntacticError](err); syntactic {
				return err
			}
			return malformed(err, fmt.Sprintf("event %d", i), reflect.TypeFor[eventText]())
		}
		reported, why := e.meaning()
		if why != "" {
			return &failure{
				status: http.StatusUnprocessableEntity, short: "Report refused",
				long: fmt.Sprintf("Event %d, %s: %s. Nothing of the report was recorded.", i, e.Kind, why),
			}
		}
		l.list = append(l.list, reported)
	}
	_, err = d.ReadToken()
	return err
}

func badReport(format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, short: "Invalid report", long: fmt.Sprintf(format, args...)}
}

// malformed tells what is wrong with the form of a report, or of one of its events.
func malformed(err error, where string, of reflect.Type) error {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if where == "" {
		where = "the report"
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		member := e.JSONPointer.LastToken()
		if errors.Is(err, json.ErrUnknownName) {
			return unknownMember(where, member, of)
		}
		if e.GoType != nil {
			return badReport("In %s the member %s does not hold %s.", where, member, expected(e.GoType))
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
	if like := nearest(member, known); like != "" {
		long += fmt.Sprintf("Did you mean %s? ", like)
	}
	return badReport("%sKnown are: %s.", long, strings.Join(known, ", "))
}

// expected says in words what a member holds.
func expected(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
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

// timeOf is a time that may not be given.
func timeOf(t *time.Time) events.Time {
	if t == nil {
		return 0
	}
	return events.TimeOf(*t)
}
