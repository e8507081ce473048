package params

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatebook"
	"gatebook/internal/when"
)

// Parameters holds the parameters of a request's query.
type Parameters struct {
	// Fields names the members that are selected, nil for the usual ones.
	Fields []string
	Pretty bool
	// Query is the list of sessions that is asked for, or the part of another list, without
	// what [Parameters.QueryAsOf] adds.
	Query gatebook.Query
	// Events selects the events that are asked for, but for their sources, which are in
	// Query.Filter.
	Events gatebook.EventFilter
	// Limited is set when Query.Limit is the length of a page and not the end of a range.
	Limited bool
	// Resumed is set when after is given. Mark is the history that after is a place in; "" where
	// it does not say.
	Resumed bool
	Mark    string
	// At is the moment that is asked for.
	At Instant
	// ClientToo asks for the client's connection besides those to servers.
	ClientToo bool
	// TTL is how long a session may go on, when Timed is set. Cancel withdraws that. DryRun
	// only counts.
	TTL                   time.Duration
	Timed, Cancel, DryRun bool
	// Group is what sessions are counted by, where Grouped is set.
	Group   gatebook.Group
	Grouped bool
	// Account is the account whose tokens are asked for, "" when none is given.
	Account string
	// Sequence, Size and To are those of a proof, and From too; 0 where one is not given.
	// Personal asks for the personal parts of a record.
	Sequence, Size, To uint64
	Personal           bool
	// From, Seal and Secrets are those of a backup.
	From    uint64
	Seal    [32]byte
	Secrets bool
	// Follow and Observations are those of the feed.
	Follow, Observations bool

	since, until Instant
	zone         *time.Location // of times without one
	// reasons are the reasons to look for, or the one to give.
	reasons []string
}

// Parse reads a query of an operation that takes these parameters, and pretty besides.
// Errors: a [*render.Failure].
func Parse(query string, takes ...string) (Parameters, error) {
	p := Parameters{Query: gatebook.Query{Live: true}, zone: time.UTC}
	if query == "" {
		return p, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return p, Invalid("The query %q cannot be read: %v.", query, err)
	}
	takes = append(slices.Clone(takes), Pretty)
	for name := range values {
		if !slices.Contains(takes, name) {
			return p, unknown(name, takes)
		}
	}
	if err := p.setZone(values[TZ]); err != nil {
		return p, err
	}
	// The order of takes makes the same query fail in the same way.
	for _, name := range takes {
		if given, ok := values[name]; ok {
			if err := p.set(name, given); err != nil {
				return p, err
			}
		}
	}
	return p, p.combine(values)
}

// ParseNone reads the query of an operation that takes no parameter, not even pretty.
// Errors: a [*render.Failure].
func ParseNone(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return Invalid("The query %q cannot be read: %v.", query, err)
	}
	if names := slices.Sorted(maps.Keys(values)); len(names) > 0 {
		return unknown(names[0], nil)
	}
	return nil
}

// combine checks what parameters mean together.
func (p *Parameters) combine(values url.Values) error {
	if values.Has(Range) && (p.Limited || p.Query.After != 0) {
		return Invalid("range is given with limit or after: a page is either a range of positions or what comes after a session.")
	}
	if p.Timed && p.Cancel {
		return Invalid("ttl and cancel are both given: a session is either to be closed later or not.")
	}
	if p.Query.Live && !values.Has(Status) && (p.since.Given || p.until.Given) {
		p.Query.Closed, p.Query.Lost = true, true // a window is of all sessions in it, ended ones too
	}
	return p.combineLive()
}

// combineLive checks that what only live sessions have is asked of them alone.
func (p *Parameters) combineLive() error {
	if p.Query.Order.OfLive() && (p.Query.Closed || p.Query.Lost) {
		return Invalid("sort=%s orders live sessions alone: give status=live.", orders[p.Query.Order])
	}
	switch {
	case !p.At.Given:
		return nil
	case p.Query.Order.OfLive():
		return Invalid("sort=%s does not go with at: it orders sessions by what is observed now.", orders[p.Query.Order])
	case len(p.Query.Filter.Activities) > 0:
		return Invalid("activity does not go with at: what a session is doing is observed now, and not recorded.")
	}
	return nil
}

// set reads the values of one parameter.
func (p *Parameters) set(name string, given []string) error {
	switch name {
	case Fields:
		p.Fields = listed(given)
		return nil
	case Status:
		return p.setStatus(listed(given))
	case Reason:
		p.reasons = given
		return nil
	case Activity:
		return p.setActivities(listed(given))
	case User, By, Database, Program, Service, Server, Source, Address:
		return p.setFilter(name, given)
	case Kind:
		return p.setKinds(listed(given))
	case Session:
		return p.setSessions(given)
	}
	if len(given) > 1 {
		return Invalid("%s is given %d times; once is enough.", name, len(given))
	}
	return p.setOne(name, given[0])
}

// setOne reads the value of a parameter that is given once.
func (p *Parameters) setOne(name, value string) error {
	switch name {
	case Account:
		p.Account = value
	case Range:
		return p.setRange(value)
	case Role:
		p.ClientToo = value == "all"
		if !p.ClientToo {
			return Invalid("role=%s is not known: role=all adds the client's connection; without it there are those to servers.", value)
		}
	case Pretty:
		return setFlag(name, value, &p.Pretty)
	case Count:
		return setFlag(name, value, &p.Query.Count)
	case Cancel:
		return setFlag(name, value, &p.Cancel)
	case Follow:
		return setFlag(name, value, &p.Follow)
	case From:
		return setPositive(name, value, &p.From)
	case To:
		return setPositive(name, value, &p.To)
	case Sequence:
		return setPositive(name, value, &p.Sequence)
	case Size:
		return setPositive(name, value, &p.Size)
	case Personal:
		return setFlag(name, value, &p.Personal)
	case Seal:
		return p.setSeal(value)
	case Secrets:
		return setFlag(name, value, &p.Secrets)
	case Observations:
		return setFlag(name, value, &p.Observations)
	case DryRun:
		return setFlag(name, value, &p.DryRun)
	case TTL:
		return p.setTTL(value)
	case Group:
		return p.setGroup(value)
	case Sort:
		return p.setSort(value)
	case Limit:
		return p.setLimit(value)
	case After:
		return p.setAfter(value)
	case Since:
		return p.since.setTime(name, value, p.zone, false)
	case Until:
		return p.until.setTime(name, value, p.zone, true)
	case At:
		return p.At.setMoment(name, value, p.zone)
	}
	return nil
}

// setZone reads the zone of times without one. It comes before the times.
func (p *Parameters) setZone(given []string) error {
	if len(given) != 1 { // set refuses several
		return nil
	}
	zone, err := when.Zone(unescapedPlus(given[0]))
	if err != nil {
		return Invalid("tz=%s is not known: it is the name of a time zone, as in Europe/Berlin, or an offset, as in +02:00.", given[0])
	}
	p.zone = zone
	return nil
}

// listed returns the elements of a parameter that lists values, in one value or in several.
func listed(given []string) []string { return strings.Split(strings.Join(given, ","), ",") }

// setFlag reads true or false.
func setFlag(name, value string, to *bool) error {
	if *to = value == "true"; !*to && value != "false" {
		return Invalid("%s=%s is not known: it is true or false.", name, value)
	}
	return nil
}

// Shows reports whether fields selects a member that is not shown by default, whole or in
// part.
func (p *Parameters) Shows(member string) bool {
	for _, name := range p.Fields {
		if name == "*" || name == member || strings.HasPrefix(name, member+".") {
			return true
		}
	}
	return false
}

// Why returns the reason to give, free text. Errors: a [*render.Failure] when there are
// several.
func (p *Parameters) Why() (string, error) {
	if len(p.reasons) > 1 {
		return "", Invalid("reason is given %d times; once is enough.", len(p.reasons))
	}
	return strings.Join(p.reasons, ""), nil
}
