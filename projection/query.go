package projection

// Order is the order of a list of sessions.
type Order uint8

// The orders. A session that has not ended comes after all that have; those that ended at
// the same time come by id.
const (
	ByID Order = iota
	ByIDDescending
	ByEnd
	ByEndDescending
)

// HasEnd reports whether the order goes by the end of sessions.
func (o Order) HasEnd() bool { return o == ByEnd || o == ByEndDescending }

// Query says which sessions to list, and how. The zero value lists those that live.
type Query struct {
	// Live, Closed and Lost are the statuses wanted. With none of them the live sessions
	// are.
	Live, Closed, Lost bool
	// Filter narrows the choice further.
	Filter Filter
	// AsOf asks for the answer as of a record: what a replay of the log up to it gives.
	// 0 asks for now.
	AsOf  uint64
	Order Order
	// After is the id of the session after which the list begins; 0 is the beginning.
	After uint64
	// Skip are passed over, then at most Limit are listed; 0 means all.
	Skip, Limit int
	// Count asks for the total even where it costs looking at all that match.
	Count bool
}

// Has reports whether sessions of a status are wanted.
func (q *Query) Has(status Status) bool {
	switch status {
	case Closed:
		return q.Closed
	case Lost:
		return q.Lost
	}
	return q.Live || !q.Closed && !q.Lost
}
