package httpd

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
)

// instant is a point of the book's time as it was given: a time, how long ago it was,
// or the sequence of a record.
type instant struct {
	given    bool
	time     events.Time
	ago      time.Duration
	sequence uint64
}

// take reads a time or a duration back from now.
func (i *instant) take(name, value string) error {
	if t, err := time.Parse(time.RFC3339Nano, plus(value)); err == nil {
		*i = instant{given: true, time: events.TimeOf(t)}
		return nil
	}
	if d, err := parseDuration(value); err == nil && d >= 0 {
		*i = instant{given: true, ago: d}
		return nil
	}
	return badParameter("%s=%s cannot be read: it is a time, as in 2026-11-23T07:00:00Z, or how long ago, as in 24h or 7d.", name, value)
}

// takeMoment reads a time or a sequence.
func (i *instant) takeMoment(name, value string) error {
	if n, err := strconv.ParseUint(value, 10, 64); err == nil && n > 0 {
		*i = instant{given: true, sequence: n}
		return nil
	}
	if t, err := time.Parse(time.RFC3339Nano, plus(value)); err == nil {
		*i = instant{given: true, time: events.TimeOf(t)}
		return nil
	}
	return badParameter("%s=%s cannot be read: it is a time, as in 2026-11-23T07:00:00Z, or the sequence of a record, from 1.", name, value)
}

// plus puts the sign of a time's offset back, which a query turns into a blank where
// it is not escaped.
func plus(value string) string { return strings.Replace(value, " ", "+", 1) }

// moves tells whether the instant is another one a moment later.
func (i *instant) moves() bool { return i.given && i.time == 0 && i.sequence == 0 }

// on is the instant as a time, 0 when none was given.
func (i *instant) on(now events.Time) events.Time {
	switch {
	case !i.given:
		return 0
	case i.time != 0:
		return i.time
	}
	return now - events.Time(i.ago.Microseconds())
}

// parseDuration reads a duration of Go's form, which may begin with days.
func parseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, err
	}
	whole := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return whole, nil
	}
	d, err := time.ParseDuration(rest)
	return whole + d, err
}

func (p *parameters) takeFilter(name string, given []string) error {
	f := &p.filter
	switch name {
	case paramUser:
		f.Users = given
		return nil
	case paramBy:
		f.By = given
		return nil
	case paramAddress:
		return p.takeNetworks(given)
	}
	if slices.Contains(given, "") {
		return badParameter("%s= names no %s.", name, name)
	}
	switch name {
	case paramService:
		f.Services = given
	case paramServer:
		f.Servers = given
	case paramSource:
		f.Sources = given
	}
	return nil
}

// endedFor are the reasons to look for.
func (p *parameters) endedFor() (all []events.Reason, err error) {
	for _, name := range p.reasons {
		reason, ok := events.ParseReason(name)
		if !ok {
			return nil, badParameter("reason=%s is not known%s it is %s.", name, meant(name, reasons()), either(reasons()))
		}
		all = append(all, reason)
	}
	return all, nil
}

// why is the reason to give, free text.
func (p *parameters) why() (string, error) {
	if len(p.reasons) > 1 {
		return "", badParameter("reason is given %d times; once is enough.", len(p.reasons))
	}
	return strings.Join(p.reasons, ""), nil
}

// reasons are the names of all of them.
func reasons() (all []string) {
	for r := events.ReasonClientClosed; r.String() != ""; r++ {
		all = append(all, r.String())
	}
	return all
}

// meant asks whether the nearest of some names was meant; "" when none is near.
func meant(name string, known []string) string {
	if like := render.Nearest(name, known); like != "" {
		return "; did you mean " + like + "? If not,"
	}
	return ":"
}

// either lists names, the last after an "or".
func either(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func (p *parameters) takeNetworks(given []string) error {
	for _, text := range given {
		network, err := parseNetwork(text)
		if err != nil {
			return badParameter("address=%s cannot be read: it is an address, as in 192.0.2.7 or 2001:db8::7, or a network, as in 10.0.0.0/8.", text)
		}
		p.filter.Networks = append(p.filter.Networks, network)
	}
	return nil
}

// parseNetwork reads a network, or an address as the network of it alone. IPv4 in
// IPv6 is IPv4, as in the book.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if a := network.Addr(); err == nil && a.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(a.Unmap(), network.Bits()-96)
	}
	return network.Masked(), err
}

// orders are the values of sort.
var orders = [...]string{gatebook.ByID: "id", gatebook.ByIDDescending: "-id", gatebook.ByEnd: "ended", gatebook.ByEndDescending: "-ended"}

func (p *parameters) takeSort(value string) error {
	i := slices.Index(orders[:], value)
	if i < 0 {
		return badParameter("sort=%s is not known: it is %s.", value, either(orders[:]))
	}
	p.order = gatebook.Order(i)
	return nil
}

func (p *parameters) takeLimit(value string) error {
	n, err := position(value)
	if err != nil || n == 0 {
		return badParameter("limit=%s cannot be read: it is how many to return at most, from 1.", value)
	}
	p.span, p.limited = span{limit: n}, true
	return nil
}

func (p *parameters) takeAfter(value string) error {
	id, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return badParameter("after=%s cannot be read: it is the id of a session, or the sequence of a record, after which to begin.", value)
	}
	p.after, p.resumed = id, true
	return nil
}

// takeTTL reads a duration, or whole seconds.
func (p *parameters) takeTTL(value string) error {
	d, err := parseDuration(value)
	if n, notNumber := strconv.ParseUint(value, 10, 32); notNumber == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	const most = 10 * 365 * 24 * time.Hour
	if err != nil || d < 0 || d > most {
		return badParameter("ttl=%s cannot be read: it is a duration of at most ten years, as in 5s, 10m or 1d, or seconds.", value)
	}
	p.ttl, p.timed = d, true
	return nil
}

// flag reads true or false.
func flag(name, value string, to *bool) error {
	if *to = value == "true"; !*to && value != "false" {
		return badParameter("%s=%s is not known: it is true or false.", name, value)
	}
	return nil
}

// query is what the parameters of a list ask the registry for, as of a sequence if
// that is not 0.
func (p *parameters) query(now events.Time, asOf uint64) (gatebook.Query, error) {
	if p.resumed && p.after == 0 {
		return gatebook.Query{}, badParameter("after=0 cannot be read: it is the id of a session, or the sequence of a record, after which to begin.")
	}
	f := p.filter
	var err error
	if f.Reasons, err = p.endedFor(); err != nil {
		return gatebook.Query{}, err
	}
	f.Since, f.Until = p.since.on(now), p.until.on(now)
	if f.Since != 0 && f.Until != 0 && f.Since > f.Until {
		return gatebook.Query{}, badParameter("since is %s, which is later than until, %s.", timeText(f.Since), timeText(f.Until))
	}
	return gatebook.Query{
		Live: p.live, Closed: p.closed, Lost: p.lost, Filter: f, AsOf: asOf,
		Order: p.order, After: p.after, Skip: p.span.skip, Limit: p.span.limit, Count: p.count,
	}, nil
}
