package params

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/internal/when"
	"gatebook/projection"
)

// QueryAsOf returns the query for sessions, with its window relative to now, and as of a
// sequence if that is not 0. Errors: a [*render.Failure].
func (p *Parameters) QueryAsOf(now events.Time, sequence uint64) (gatebook.Query, error) {
	if p.Mark != "" {
		return gatebook.Query{}, Invalid("after=%d%s%s is a place in the log; in a list it is the id of a session, after which to begin.", p.Query.After, PlaceMark, p.Mark)
	}
	if p.Resumed && p.Query.After == 0 {
		return gatebook.Query{}, Invalid("after=0 cannot be read: it is the id of a session, after which to begin.")
	}
	q := p.Query
	q.AsOf = sequence
	for _, name := range p.reasonNames() {
		reason, ok := events.ParseReason(name)
		if !ok {
			return gatebook.Query{}, Invalid("reason=%s is not known%s it is %s.", name, meant(name, reasons()), either(reasons()))
		}
		q.Filter.Reasons = append(q.Filter.Reasons, reason)
	}
	q.Filter.Since, q.Filter.Until = p.since.on(now), p.until.on(now)
	if f := q.Filter; f.Since != 0 && f.Until != 0 && f.Since > f.Until {
		return gatebook.Query{}, Invalid("since is %s, which is later than until, %s.", render.TimeText(f.Since), render.TimeText(f.Until))
	}
	if q.Skip > mostPassed && (q.Order.HasEnd() || q.AsOf != 0) {
		return gatebook.Query{}, Invalid("range=%d-%d begins too late: with sort=ended, sort=-ended or at= it begins at %d at most. Use limit= and follow the header Link.",
			q.Skip, q.Skip+q.Limit-1, mostPassed)
	}
	return q, nil
}

// mostPassed is how many sessions a range leaves out at most where each of them is read for it.
const mostPassed = 10_000

// reasonNames returns the names of the reasons to look for.
func (p *Parameters) reasonNames() []string {
	if p.reasons == nil {
		return nil
	}
	return listed(p.reasons)
}

// Moves reports whether the clock alone changes which sessions are in the window.
func (p *Parameters) Moves() bool { return p.since.moves() || p.until.moves() }

// Part returns the part of a list that the parameter range asks for.
func Part[T any](p *Parameters, all []T) []T {
	all = all[min(p.Query.Skip, len(all)):]
	if p.Query.Limit > 0 {
		all = all[:min(p.Query.Limit, len(all))]
	}
	return all
}

func (p *Parameters) setStatus(wanted []string) error {
	q := &p.Query
	q.Live = false
	for _, status := range wanted {
		switch status {
		case "live":
			q.Live = true
		case "closed":
			q.Closed = true
		case "lost":
			q.Lost = true
		case "all":
			q.Live, q.Closed, q.Lost = true, true, true
		default:
			return Invalid("status=%s is not known: it is live, closed, lost or all.", status)
		}
	}
	return nil
}

func (p *Parameters) setFilter(name string, given []string) error {
	f := &p.Query.Filter
	switch name {
	case User:
		f.Users = given
		return nil
	case By:
		f.By = given
		return nil
	case Database:
		f.Databases = given
		return nil
	case Program:
		f.Programs = given
		return nil
	case Address:
		return p.setNetworks(given)
	}
	if slices.Contains(given, "") {
		return Invalid("%s= names no %s.", name, name)
	}
	switch name {
	case Service:
		f.Services = given
	case Server:
		f.Servers = given
	case Source:
		f.Sources = given
	}
	return nil
}

// reasons returns the names of all reasons.
func reasons() (all []string) {
	for r := events.ReasonClientClosed; r.String() != ""; r++ {
		all = append(all, r.String())
	}
	return all
}

func (p *Parameters) setNetworks(given []string) error {
	for _, text := range given {
		network, err := parseNetwork(text)
		if err != nil {
			return Invalid("address=%s cannot be read: it is an address, as in 192.0.2.7 or 2001:db8::7, or a network, as in 10.0.0.0/8.", text)
		}
		p.Query.Filter.Networks = append(p.Query.Filter.Networks, network)
	}
	return nil
}

// parseNetwork reads a network, or an address as the network of that address alone. IPv4 in
// IPv6 is IPv4, as it is recorded.
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

// setActivities reads what live sessions are doing.
func (p *Parameters) setActivities(wanted []string) error {
	for _, name := range wanted {
		switch name {
		case projection.ActivityIdle.String():
			p.Query.Filter.Activities = append(p.Query.Filter.Activities, projection.ActivityIdle)
		case projection.ActivityWaiting.String():
			p.Query.Filter.Activities = append(p.Query.Filter.Activities, projection.ActivityWaiting)
		default:
			return Invalid("activity=%s is not known: it is idle or waiting.", name)
		}
	}
	return nil
}

// orders are the names of the orders of sessions. They are never changed.
var orders = [...]string{
	gatebook.ByID: "id", gatebook.ByIDDescending: "-id", gatebook.ByEnd: "ended", gatebook.ByEndDescending: "-ended",
	gatebook.ByOpened: "opened", gatebook.ByOpenedDescending: "-opened", gatebook.ByIdle: "idle", gatebook.ByIdleDescending: "-idle",
	gatebook.ByRate: "rate", gatebook.ByRateDescending: "-rate", gatebook.ByUser: "user", gatebook.ByUserDescending: "-user",
}

func (p *Parameters) setSort(value string) error {
	i := slices.Index(orders[:], value)
	if i < 0 {
		return Invalid("sort=%s is not known: it is %s.", value, either(orders[:]))
	}
	p.Query.Order = gatebook.Order(i)
	return nil
}

// groups returns the names of all groups.
func groups() (all []string) {
	for g := gatebook.GroupUser; g.String() != ""; g++ {
		all = append(all, g.String())
	}
	return all
}

func (p *Parameters) setGroup(value string) error {
	i := slices.Index(groups(), value)
	if i < 0 {
		return Invalid("group=%s is not known%s it is %s.", value, meant(value, groups()), either(groups()))
	}
	p.Group, p.Grouped = gatebook.Group(i), true
	return nil
}

// NeedGroup returns the error of a query that has to name a group and does not.
func (p *Parameters) NeedGroup() error {
	if p.Grouped {
		return nil
	}
	return Invalid("group is missing: sessions are counted by %s.", either(groups()))
}

func (p *Parameters) setRange(value string) error {
	first, last, _ := strings.Cut(value, "-")
	a, aErr := position(first)
	b, bErr := position(last)
	switch {
	case aErr != nil || bErr != nil:
		return Invalid("range=%s cannot be read: it is two positions, counted from 0, %s, as in range=0-99.", value, plainNumber)
	case a > b:
		return Invalid("range=%s is reversed: the first position comes before the last, as in range=%d-%d.", value, b, a)
	}
	p.Query.Skip, p.Query.Limit = a, b-a+1
	return nil
}

func (p *Parameters) setLimit(value string) error {
	n, err := position(value)
	if err != nil || n == 0 {
		return Invalid("limit=%s cannot be read: it is how many to return at most, from 1 on, %s, as in limit=100.", value, plainNumber)
	}
	p.Query.Skip, p.Query.Limit, p.Limited = 0, n, true
	return nil
}

// position reads a position in a list. A position beyond every list is the last possible
// one.
func position(text string) (int, error) {
	const last = math.MaxInt - 1
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	if text == "" || text[0] == '0' && len(text) > 1 {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > last {
		return last, nil
	}
	return n, nil
}

func (p *Parameters) setAfter(value string) error {
	text, position, found := strings.Cut(value, positionMark)
	text, p.Mark, _ = strings.Cut(text, PlaceMark)
	id, ok := Number(text, 64)
	if found && ok {
		p.Query.Position, ok = parsePosition(position)
	}
	if !ok {
		return Invalid("after=%s cannot be read: it is the id of a session, or the sequence of a record, after which to begin, %s, or what the header Link has there.", value, plainNumber)
	}
	p.Query.After, p.Resumed = id, true
	return nil
}

// PlaceMark separates the parts of a place in the log: the sequence of a record, and the mark
// of a history.
const PlaceMark = "-"

// positionMark separates the parts of a cursor: the id of a session, its place in the order,
// the sequence of the first page, and the session's user in an order by user.
const positionMark = "~"

// Cursor returns the value of the parameter after for what comes after a session that stood
// at a position in its order.
func Cursor(id uint64, position gatebook.Position) string {
	b := strconv.AppendUint(nil, id, 10)
	if position.Given {
		b = strconv.AppendInt(append(b, positionMark...), position.Place, 10)
		b = strconv.AppendUint(append(b, positionMark...), position.Sequence, 10)
		if position.Name != "" {
			b = append(append(b, positionMark...), position.Name...)
		}
	}
	return string(b)
}

// parsePosition reads the parts of a cursor after the id.
func parsePosition(text string) (p gatebook.Position, ok bool) {
	place, rest, _ := strings.Cut(text, positionMark)
	sequence, name, _ := strings.Cut(rest, positionMark)
	p = gatebook.Position{Given: true, Name: name}
	var wrong error
	if p.Place, wrong = strconv.ParseInt(place, 10, 64); wrong != nil || strconv.FormatInt(p.Place, 10) != place {
		return p, false
	}
	p.Sequence, ok = Number(sequence, 64)
	return p, ok && p.Sequence > 0
}

// setTTL reads a duration, or whole seconds.
func (p *Parameters) setTTL(value string) error {
	d, err := when.Duration(value)
	if n, ok := Number(value, 32); ok {
		d, err = time.Duration(n)*time.Second, nil
	}
	const most = 10 * 365 * 24 * time.Hour
	if err != nil || d < 0 || d > most {
		return Invalid("ttl=%s cannot be read: it is a duration of at most ten years, as in 5s, 10m or 1d, or seconds.", value)
	}
	p.TTL, p.Timed = d, true
	return nil
}
