package httpd

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The names of the parameters.
const (
	paramFields = "fields"
	paramPretty = "pretty"
	paramRange  = "range"
	paramReason = "reason"
	paramRole   = "role"
	paramStatus = "status"
)

// parameters are those of a request's query.
type parameters struct {
	// fields are the members asked for, nil for the usual ones.
	fields []string
	span   span
	// live, closed and lost are the statuses asked for.
	live, closed, lost bool
	// client: the client's connection is asked for too.
	client bool
	reason string
	pretty bool
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
	takes = append(takes, paramPretty)
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
	return p, nil
}

func (p *parameters) take(name string, given []string) error {
	switch name {
	case paramFields:
		p.fields = strings.Split(strings.Join(given, ","), ",")
		return nil
	case paramStatus:
		return p.takeStatus(strings.Split(strings.Join(given, ","), ","))
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
		p.pretty = value == "true"
		if !p.pretty && value != "false" {
			return badParameter("pretty=%s is not known: it is true or false.", value)
		}
	case paramReason:
		p.reason = value
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
