package projection

import (
	"net/netip"

	"gatebook/events"
)

// Order is the order of a list of sessions.
type Order uint8

// The orders. By end, sessions that have not ended come last. Sessions that are equal in an
// order are in ascending order of id.
//
// The orders by opening, idleness, rate and user are of live sessions alone. Idleness is how long
// ago the client was last read from. The rate is that of the bytes read and written on the
// client's connection, see [Observation.Rates]; sessions whose rate is not known come last in
// both directions, and so do those whose user is not known yet. Users are compared byte by byte.
const (
	ByID Order = iota
	ByIDDescending
	ByEnd
	ByEndDescending
	ByOpened
	ByOpenedDescending
	ByIdle
	ByIdleDescending
	ByRate
	ByRateDescending
	ByUser
	ByUserDescending
)

// HasEnd reports whether the order goes by the end of sessions.
func (o Order) HasEnd() bool { return o == ByEnd || o == ByEndDescending }

// OfLive reports whether the order is one of live sessions alone.
func (o Order) OfLive() bool { return o >= ByOpened }

// Query selects a list of sessions. The zero value selects the live ones.
type Query struct {
	// Live, Closed and Lost are the statuses to select. Without any, live sessions are
	// selected.
	Live, Closed, Lost bool
	// Filter narrows the selection.
	Filter Filter
	// AsOf asks for the answer as of the record of that sequence, as a replay of the log up
	// to it gives. 0 asks for the current one.
	AsOf  uint64
	Order Order
	// After is the id of the session after which the list begins; 0 is the beginning.
	// Position is where that session stood when it was listed; where it is not given, the
	// list begins after the place that the session has now.
	After    uint64
	Position Position
	// Skip sessions are left out, and then at most Limit listed; 0 is no limit.
	Skip, Limit int
	// Count asks for the total even if that means visiting every matching session.
	Count bool
}

// Position is where a session stood in an order other than by id.
type Position struct {
	Given bool
	// Place is the place in the order. In the orders by user, Name is the user.
	Place int64
	Name  string
	// Sequence is the last record that the first page reflects. In the orders by end a session
	// that ended later keeps the place of a live one, so that each session comes once,
	// whatever ends between two pages.
	Sequence uint64
}

// Has reports whether sessions of a status are selected.
func (q *Query) Has(status Status) bool {
	switch status {
	case Closed:
		return q.Closed
	case Lost:
		return q.Lost
	}
	return q.Live || !q.Closed && !q.Lost
}

// Filter narrows a selection of sessions. A session matches if it has one of the values of
// each field that is set.
type Filter struct {
	// Services, Servers and Sources are names, which are compared by their keys. A
	// session has the servers it reached.
	Services, Servers, Sources []string
	// Users, By, Databases and Programs are compared exactly.
	Users, By, Databases, Programs []string
	Reasons                        []events.Reason
	// Activities are what live sessions are doing, as observed. An ended session does nothing.
	Activities []Activity
	// Networks contain the client's address.
	Networks []netip.Prefix
	// Since and Until bound a window of time; 0 leaves it open. A session matches if it was
	// live at any moment of it, by [Session.Opened] and [Session.Ended].
	Since, Until events.Time
}

// Empty reports whether the filter matches every session.
func (f *Filter) Empty() bool {
	return len(f.Services)+len(f.Servers)+len(f.Sources)+len(f.Users)+len(f.By)+len(f.Databases)+len(f.Programs)+
		len(f.Reasons)+len(f.Activities)+len(f.Networks) == 0 && f.Since == 0 && f.Until == 0
}
