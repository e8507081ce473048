package gatebook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/projection"
)

// kindObserved is the name of the event that is shown and not recorded.
const kindObserved = "statistics_observed"

func (e *Reported) kind() string {
	switch {
	case e.Event == nil:
		return "nothing"
	case e.Observed:
		return kindObserved
	}
	return e.Event.Kind().String()
}

// clean checks what can be checked without the book, and repairs texts.
func (p *Report) clean() error {
	for _, t := range []struct{ what, text string }{{"source", p.Source}, {"incarnation", p.Incarnation}} {
		switch {
		case t.text == "":
			return badReport("the report names no %s", t.what)
		case len(t.text) > wire.TextLimit || !utf8.ValidString(t.text):
			return badReport("the %s has %d bytes; a valid text of at most %d can be one", t.what, len(t.text), wire.TextLimit)
		}
	}
	if unreachable(p.Source) {
		return badReport("%s", noLink("source", p.Source))
	}
	if isReserved(p.Source) {
		return badReport("the name %q is the registry's own; a source outside needs another one", p.Source)
	}
	if p.Lease != 0 && (p.Lease < minLease || p.Lease > maxLease) {
		return badReport("a lease of %s is not possible: it is from %s to %s", p.Lease, minLease, maxLease)
	}
	p.Version, p.Host = wire.CleanText(p.Version, wire.TextLimit), wire.CleanText(p.Host, wire.TextLimit)
	for i := range p.Events {
		e := &p.Events[i]
		if why := e.clean(); why != "" {
			return &ReportError{Index: i, Kind: e.kind(), Key: e.Key, Why: why}
		}
	}
	return nil
}

func isReserved(name string) bool { return projection.NameKey(name) == reservedName }

// unreachable tells whether a name is one to which no link leads: clients take the
// segments . and .. out of a path before they send it (RFC 3986, 5.2.4), escaped or not.
func unreachable(name string) bool { return name == "." || name == ".." }

func noLink(what, name string) string {
	return fmt.Sprintf("the %s is called %q, which in a path means another place; it needs another name", what, name)
}

// fill adds to the events what the report says for all of them. The source is named
// as in the book, where it is there.
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

// clean tells what is wrong with an event whatever the book says, "" if nothing is.
func (e *Reported) clean() string {
	if e.Event == nil {
		return "there is no event"
	}
	if key := cutKey(e.Key); key != e.Key {
		e.Key, e.given = key, e.Key
	}
	events.Clean(e.Event)
	switch {
	case e.Occurred < 0:
		return "it occurred before 1970"
	case e.Observed && e.Event.Kind() != events.KindStatisticsRecorded:
		return "only statistics are observed"
	}
	declares := false
	why := ""
	switch event := e.Event.(type) {
	case *events.ServiceDeclared:
		declares, why = true, cleanService(event)
	case *events.ServerDeclared:
		declares, why = true, cleanServer(event)
	case *events.SessionOpened:
		why = cleanOpening(event)
	case *events.SessionClosed:
		why = cleanClosing(event)
	case *events.ConnectionClosed:
		why = wrongReason(event.Reason)
	case *events.ConnectionOpened:
		why = cleanServerName(event.Server)
	case *events.ConnectionFailed:
		why = cleanServerName(event.Server)
	case *events.SessionReady, *events.StatisticsRecorded:
	default:
		return "a source does not tell of that: it is the registry's to record"
	}
	switch {
	case why != "":
		return why
	case declares && e.Key != "":
		return "it is about no session, and yet has a key"
	case !declares && e.Key == "":
		return "it has no key: the source's own name for the session"
	}
	return ""
}

func cleanService(e *events.ServiceDeclared) string {
	e.Listeners, e.Servers = withoutEmpty(e.Listeners), withoutEmpty(e.Servers)
	switch {
	case e.Stopped || e.By != "":
		return "that a service is stopped is an administrator's to say"
	case e.Name == "":
		return "the service has no name"
	case isReserved(e.Name):
		return "the service " + reservedName + " is the registry's own"
	case unreachable(e.Name):
		return noLink("service", e.Name)
	}
	if i := slices.IndexFunc(e.Servers, unreachable); i >= 0 {
		return noLink("server", e.Servers[i])
	}
	return ""
}

func cleanServer(e *events.ServerDeclared) string {
	if e.Name == "" {
		return "the server has no name"
	}
	return cleanServerName(e.Name)
}

func cleanServerName(name string) string {
	if unreachable(name) {
		return noLink("server", name)
	}
	return ""
}

func cleanOpening(e *events.SessionOpened) string {
	switch {
	case e.Service == "":
		return "the session has no service"
	case isReserved(e.Service):
		return "the service " + reservedName + " is the registry's own"
	case unreachable(e.Service):
		return noLink("service", e.Service)
	case e.Type.String() == "":
		return "there is no such type of session"
	}
	if e.Address == "" {
		return ""
	}
	address, err := netip.ParseAddr(e.Address)
	if err != nil {
		return "the address " + strings.ToValidUTF8(e.Address, "\ufffd") + " is no IP address"
	}
	e.Address = address.Unmap().String()
	return ""
}

func cleanClosing(e *events.SessionClosed) string {
	seen := make(map[uint32]bool, len(e.Finals))
	for i := range e.Finals {
		if number := e.Finals[i].Connection; seen[number] {
			return "it has two final counters of one connection"
		}
		seen[e.Finals[i].Connection] = true
	}
	return wrongReason(e.Reason)
}

// wrongReason tells why a source cannot give a reason, "" if it can.
func wrongReason(r events.Reason) string {
	switch {
	case r.String() == "":
		return "it has no reason"
	case r == events.ReasonSourceLost, r == events.ReasonRegistryCrashed:
		return "the reason " + r.String() + " is for ends that nobody saw"
	}
	return ""
}

// cutKey is a key as it is kept. One that is too long ends in a mark of its own, so
// that two which only begin alike stay apart.
func cutKey(key string) string {
	clean := wire.CleanText(key, wire.TextLimit)
	if len(key) <= wire.TextLimit {
		return clean
	}
	sum := sha256.Sum256([]byte(key))
	mark := hex.EncodeToString(sum[:8])
	return wire.CleanText(key, wire.TextLimit-len(mark)) + mark
}
