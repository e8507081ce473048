package httpd

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatebook"
	"gatebook/projection"
)

// The names of the parameters.
const (
	paramAddress      = "address"
	paramAfter        = "after"
	paramAt           = "at"
	paramBy           = "by"
	paramCancel       = "cancel"
	paramCount        = "count"
	paramDryRun       = "dry_run"
	paramFields       = "fields"
	paramFollow       = "follow"
	paramKind         = "kind"
	paramObservations = "observations"
	paramSession      = "session"
	paramLimit        = "limit"
	paramPretty       = "pretty"
	paramRange        = "range"
	paramReason       = "reason"
	paramRole         = "role"
	paramServer       = "server"
	paramService      = "service"
	paramSince        = "since"
	paramSort         = "sort"
	paramSource       = "source"
	paramStatus       = "status"
	paramTTL          = "ttl"
	paramUntil        = "until"
	paramUser         = "user"
)

// parameterNames are all of them.
func parameterNames() []string {
	return []string{
		paramAddress, paramAfter, paramAt, paramBy, paramCancel, paramCount, paramDryRun, paramFields, paramFollow, paramKind,
		paramObservations, paramSession, paramLimit, paramPretty, paramRange, paramReason, paramRole, paramServer, paramService,
		paramSince, paramSort, paramSource, paramStatus, paramTTL, paramUntil, paramUser,
	}
}

// listParameters are those of a list of sessions.
var listParameters = []string{
	paramFields, paramStatus, paramUser, paramService, paramServer, paramSource, paramReason, paramBy, paramAddress,
	paramSince, paramUntil, paramAt, paramSort, paramRange, paramLimit, paramAfter, paramCount,
}

// parameters are those of a request's query.
type parameters struct {
	// fields are the members asked for, nil for the usual ones.
	fields []string
	span   span
	// limited: span's limit is that of a page, which after leads to.
	limited bool
	after   uint64
	resumed bool // after is given
	order   gatebook.Order
	count   bool
	// live, closed and lost are the statuses asked for.
	live, closed, lost bool
	// filter is who is wanted, but for the window from since to until.
	filter       projection.Filter
	since, until instant
	at           instant
	// client: the client's connection is asked for too.
	client bool
	// ttl is how long a session may go on, where given; cancel takes that back. dryRun
	// only counts.
	ttl            time.Duration
	timed          bool
	cancel, dryRun bool
	// reasons are those to look for, or the one to give.
	reasons []string
	pretty  bool
	feed    feedParameters
}

// span is a range of positions in a list.
type span struct {
	// skip positions are passed over, then limit are taken; 0 means all.
	skip, limit int
}

// cut returns the part of a list that lies in the span.
func cut[T any](all []T, s span) []T {
	all = all[min(s.skip, len(all)):]
	if s.limit > 0 {
		all = all[:min(s.limit, len(all))]
	}
	return all
}

// parse reads a query, of which the operation takes the named parameters, and
// pretty besides. Whatever else is in it is refused.
func parse(query string, takes ...string) (parameters, error) {
	p := parameters{live: true}
	if query == "" {
		return p, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return p, badParameter("The query %q cannot be read: %v.", query, err)
	}
	takes = append(slices.Clone(takes), paramPretty)
	for name := range values {
		if !slices.Contains(takes, name) {
			return p, unknownParameter(name, takes)
		}
	}
	// In this order, so that the same query gets the same answer.
	for _, name := range takes {
		if given, ok := values[name]; ok {
			if err := p.take(name, given); err != nil {
				return p, err
			}
		}
	}
	return p, p.agree(values)
}

// parseNone reads the query of an operation that takes no parameter, not even pretty.
func parseNone(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return badParameter("The query %q cannot be read: %v.", query, err)
	}
	if names := slices.Sorted(maps.Keys(values)); len(names) > 0 {
		return unknownParameter(names[0], nil)
	}
	return nil
}

// agree looks at what parameters say together.
func (p *parameters) agree(values url.Values) error {
	if values.Has(paramRange) && (p.limited || p.after != 0) {
		return badParameter("range is given with limit or after: a page is either a range of positions or what comes after a session.")
	}
	if p.timed && p.cancel {
		return badParameter("ttl and cancel are both given: a session is either to be closed later or not.")
	}
	if p.live && !values.Has(paramStatus) && (p.since.given || p.until.given) {
		p.closed, p.lost = true, true // a window asks for everybody who was there
	}
	return nil
}

func (p *parameters) take(name string, given []string) error {
	switch name {
	case paramFields:
		p.fields = strings.Split(strings.Join(given, ","), ",")
		return nil
	case paramStatus:
		return p.takeStatus(strings.Split(strings.Join(given, ","), ","))
	case paramReason:
		p.reasons = given
		return nil
	case paramUser, paramBy, paramService, paramServer, paramSource, paramAddress:
		return p.takeFilter(name, given)
	}
	if mine, err := p.takeFeed(name, given); mine {
		return err
	}
	if len(given) > 1 {
		return badParameter("%s is given %d times; once is enough.", name, len(given))
	}
	value := given[0]
	switch name {
	case paramRange:
		return p.takeRange(value)
	case paramRole:
		p.client = value == "all"
		if !p.client {
			return badParameter("role=%s is not known: role=all adds the client's connection; without it there are those to servers.", value)
		}
	case paramPretty:
		return flag(name, value, &p.pretty)
	case paramCount:
		return flag(name, value, &p.count)
	case paramCancel:
		return flag(name, value, &p.cancel)
	case paramFollow:
		return flag(name, value, &p.feed.follow)
	case paramObservations:
		return flag(name, value, &p.feed.observations)
	case paramDryRun:
		return flag(name, value, &p.dryRun)
	case paramTTL:
		return p.takeTTL(value)
	case paramSort:
		return p.takeSort(value)
	case paramLimit:
		return p.takeLimit(value)
	case paramAfter:
		return p.takeAfter(value)
	case paramSince:
		return p.since.take(name, value)
	case paramUntil:
		return p.until.take(name, value)
	case paramAt:
		return p.at.takeMoment(name, value)
	}
	return nil
}

func (p *parameters) takeStatus(wanted []string) error {
	p.live = false
	for _, status := range wanted {
		switch status {
		case "live":
			p.live = true
		case "closed":
			p.closed = true
		case "lost":
			p.lost = true
		case "all":
			p.live, p.closed, p.lost = true, true, true
		default:
			return badParameter("status=%s is not known: it is live, closed, lost or all.", status)
		}
	}
	return nil
}

func (p *parameters) takeRange(value string) error {
	first, last, _ := strings.Cut(value, "-")
	a, aErr := position(first)
	b, bErr := position(last)
	switch {
	case aErr != nil || bErr != nil:
		return badParameter("range=%s cannot be read: it is two positions, counted from 0, as in range=0-99.", value)
	case a > b:
		return badParameter("range=%s is reversed: the first position comes before the last, as in range=%d-%d.", value, b, a)
	}
	p.span = span{skip: a, limit: b - a + 1}
	return nil
}

// position reads a position in a list. One that is beyond any list is the last
// there could be.
func position(text string) (int, error) {
	const last = math.MaxInt - 1
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	if text == "" {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > last {
		return last, nil
	}
	return n, nil
}

// shows reports whether fields asks for a member that is not shown by default, whole or in
// part.
func (p *parameters) shows(member string) bool {
	for _, name := range p.fields {
		if name == "*" || name == member || strings.HasPrefix(name, member+".") {
			return true
		}
	}
	return false
}
