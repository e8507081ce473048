package projection

import (
	"net/netip"

	"gatebook/events"
)

// Order is the order of a list of sessions.
type Order uint8

// The orders. By end, sessions that have not ended come last. Sessions with the same end
// are in ascending order of id.
const (
	ByID Order = iota
	ByIDDescending
	ByEnd
	ByEndDescending
)

// HasEnd reports whether the order goes by the end of sessions.
func (o Order) HasEnd() bool { return o == ByEnd || o == ByEndDescending }

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
	After uint64
	// Skip sessions are left out, and then at most Limit listed; 0 is no limit.
	Skip, Limit int
	// Count asks for the total even if that means visiting every matching session.
	Count bool
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
	// Users and By are compared exactly.
	Users, By []string
	Reasons   []events.Reason
	// Networks contain the client's address.
	Networks []netip.Prefix
	// Since and Until bound a window of time; 0 leaves it open. A session matches if it was
	// live at any moment of it, by [Session.Opened] and [Session.Ended].
	Since, Until events.Time
}

// Empty reports whether the filter matches every session.
func (f *Filter) Empty() bool {
	return len(f.Services)+len(f.Servers)+len(f.Sources)+len(f.Users)+len(f.By)+len(f.Reasons)+len(f.Networks) == 0 &&
		f.Since == 0 && f.Until == 0
}
