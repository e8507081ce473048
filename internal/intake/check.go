package intake

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"

	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
)

// kindObserved is the name of the event that is shown and not recorded.
const kindObserved = "statistics_observed"

func (e *Event) kind() string {
	switch {
	case e.Event == nil:
		return "nothing"
	case e.Observed:
		return kindObserved
	}
	return e.Event.Kind().String()
}

// clean checks what can be checked without the book, and repairs texts.
func (p *Report) clean(checker *lifecycle.Checker) error {
	switch {
	case p.Source == "":
		return badReport("the report names no source")
	case p.Incarnation == "":
		return badReport("the report names no incarnation")
	}
	if err := cmp.Or(lifecycle.CheckSource(p.Source), lifecycle.CheckText("incarnation", p.Incarnation)); err != nil {
		return badReport("%s", err)
	}
	if lifecycle.IsReserved(p.Source) {
		return badReport("the name %q is the registry's own; a source outside needs another one", p.Source)
	}
	if p.Lease != 0 && (p.Lease < minLease || p.Lease > maxLease) {
		return badReport("a lease of %s is not possible: it is from %s to %s", p.Lease, minLease, maxLease)
	}
	p.Version, p.Host = wire.CleanText(p.Version, wire.TextLimit), wire.CleanText(p.Host, wire.TextLimit)
	for i := range p.Events {
		e := &p.Events[i]
		if why := e.clean(p.Source, checker); why != "" {
			return &Error{Index: i, Kind: e.kind(), Key: e.Key, Why: why}
		}
	}
	return nil
}

// clean returns what is wrong with an event whatever the book says, "" if nothing is.
func (e *Event) clean(source string, checker *lifecycle.Checker) string {
	if key := cutKey(e.Key); key != e.Key {
		e.Key, e.given = key, e.Key
	}
	if err := checker.Check(e.Event, source); err != nil {
		return err.Error()
	}
	declares := false
	switch e.Event.(type) {
	case *events.ServiceDeclared, *events.ServerDeclared:
		declares = true
	case *events.ServerChanged, *events.RecordingGap:
		return "a source does not tell of that: it is the registry's to record"
	}
	switch {
	case e.Occurred < 0:
		return "it occurred before 1970"
	case e.Observed && e.Event.Kind() != events.KindStatisticsRecorded:
		return "only statistics are observed"
	case declares && e.Key != "":
		return "it is about no session, and yet has a key"
	case !declares && e.Key == "":
		return "it has no key: the source's own name for the session"
	}
	return ""
}

// fill adds to the events what the report says for all of them. The source is named as
// in the book, where it is there.
func (p *Report) fill(known *projection.Source) {
	if known != nil {
		p.Source = known.Name
	}
	for i := range p.Events {
		switch e := p.Events[i].Event.(type) {
		case *events.SessionOpened:
			e.Source, e.Incarnation, e.Key = p.Source, p.Incarnation, p.Events[i].Key
		case *events.ServiceDeclared:
			e.Source = p.Source
		case *events.ServerDeclared:
			e.Source = p.Source
		}
	}
}

// cutKey returns a key as it is kept. One that is too long ends in a mark of its own, so
// that two keys which only begin alike stay apart.
func cutKey(key string) string {
	clean := wire.CleanText(key, wire.TextLimit)
	if len(key) <= wire.TextLimit {
		return clean
	}
	sum := sha256.Sum256([]byte(key))
	mark := hex.EncodeToString(sum[:8])
	return wire.CleanText(key, wire.TextLimit-len(mark)) + mark
}
