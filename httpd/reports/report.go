package reports

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatebook"
	"gatebook/httpd/render"
)

// wireReport is a report as it is sent.
type wireReport struct {
	Source      string     `json:"source"`
	Incarnation string     `json:"incarnation"`
	Version     string     `json:"version"`
	Host        string     `json:"host"`
	Lease       string     `json:"lease"`
	Number      *uint64    `json:"number"`
	Events      wireEvents `json:"events"`
}

// wireEvents holds the events of a report, decoded as they are read.
type wireEvents struct {
	limit    int
	text     []byte // the whole report
	list     []gatebook.Reported
	elements int // of the lists in the events so far
}

// elementsPerEvent is how many elements the lists in the events of a report may have, for
// each event that it may have.
const elementsPerEvent = 10

// Parse reads a report of at most limit events. Errors: a [*render.Failure].
func Parse(text []byte, limit int) (gatebook.Report, error) {
	w := wireReport{Events: wireEvents{limit: limit, text: text}}
	err := json.Unmarshal(text, &w, json.RejectUnknownMembers(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return gatebook.Report{}, malformed(err, -1, text)
	}
	report := gatebook.Report{
		Source: w.Source, Incarnation: w.Incarnation, Version: w.Version, Host: w.Host,
		Number: deref(w.Number), Events: w.Events.list,
	}
	if w.Number != nil && *w.Number == 0 {
		return report, invalid("The number 0 is none: numbers begin at 1, and a report without one has no such member.")
	}
	if w.Lease != "" {
		if report.Lease, err = time.ParseDuration(w.Lease); err != nil {
			return report, invalid("The lease %q is no duration; one is written like 30s or 5m.", w.Lease)
		}
		if report.Lease <= 0 {
			return report, invalid("The lease %q is too short: it is from 1s to 24h.", w.Lease)
		}
	}
	return report, nil
}

// UnmarshalJSONFrom decodes the list, one event after the other.
func (l *wireEvents) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '[' {
		return invalid("The member events is a list of events, in brackets.")
	}
	for d.PeekKind() != ']' {
		i := len(l.list)
		if i >= l.limit {
			return tooLarge("events", l.limit)
		}
		var e wireEvent
		if err := json.UnmarshalDecode(d, &e); err != nil {
			return malformedEvent(err, i, l.text)
		}
		if l.elements += e.elements(); l.elements > elementsPerEvent*l.limit {
			return tooLarge("elements in lists of its events", elementsPerEvent*l.limit)
		}
		reported, why := e.decode()
		if why != "" {
			return &render.Failure{
				Status: http.StatusUnprocessableEntity, Title: "Report refused",
				Description: fmt.Sprintf("Event %d%s: %s. Nothing of the report was recorded.", i, afterComma(e.Kind), why),
			}
		}
		l.list = append(l.list, reported)
	}
	_, err = d.ReadToken()
	return err
}

// afterComma returns a kind behind a comma, "" for none.
func afterComma(kind string) string {
	if kind == "" {
		return ""
	}
	return ", " + kind
}

// tooLarge returns the failure of a report with more than that many units.
func tooLarge(unit string, most int) error {
	return &render.Failure{
		Status: http.StatusRequestEntityTooLarge, Title: "Report too large",
		Description: fmt.Sprintf("The report has more than %d %s, which are allowed. Split it.", most, unit),
	}
}
