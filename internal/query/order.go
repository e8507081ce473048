package query

import (
	"cmp"
	"math"
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// lastPlace is the place of sessions that come after all others.
const lastPlace = math.MaxInt64

// ordering gives sessions their places in the order of a listing.
type ordering struct {
	order projection.Order
	// asOf is the sequence as of which ends count: a session that ended later has the place of
	// a live one. So a session keeps its place from one page to the next.
	asOf uint64
	now  events.Time // the time that rates are of
}

// compare returns which of two sessions comes first.
func (o *ordering) compare(a, b projection.View) int {
	switch o.order {
	case projection.ByID:
		return cmp.Compare(a.ID, b.ID)
	case projection.ByIDDescending:
		return cmp.Compare(b.ID, a.ID)
	}
	return o.comparePlaced(placed{o.place(a), o.name(a), a}, placed{o.place(b), o.name(b), b})
}

// compareAt returns which of two sessions comes first by their places, names and ids.
func (o *ordering) compareAt(a int64, nameA string, idA uint64, b int64, nameB string, idB uint64) int {
	names := cmp.Compare(nameA, nameB)
	if o.order == projection.ByUserDescending {
		names = -names
	}
	return cmp.Or(cmp.Compare(a, b), names, cmp.Compare(idA, idB))
}

// name returns what orders sessions of one place: the user in an order by user, and "" in the
// others.
func (o *ordering) name(v projection.View) string {
	if o.order == projection.ByUser || o.order == projection.ByUserDescending {
		return v.Login().User
	}
	return ""
}

// place returns where a session comes in the order; sessions of one place come by their names
// and ids.
// It is 0 in the orders by id.
func (o *ordering) place(v projection.View) int64 {
	switch o.order {
	case projection.ByEnd:
		return o.end(v)
	case projection.ByEndDescending:
		return -o.end(v)
	case projection.ByOpened:
		return int64(v.Opened)
	case projection.ByOpenedDescending:
		return -int64(v.Opened)
	case projection.ByIdle:
		return -int64(v.LastActive())
	case projection.ByIdleDescending:
		return int64(v.LastActive())
	case projection.ByRate, projection.ByRateDescending:
		return o.ratePlace(v)
	case projection.ByUser, projection.ByUserDescending:
		if v.Login().User == "" {
			return lastPlace
		}
	}
	return 0
}

// end returns when a session ended: later than any time while it lives.
func (o *ordering) end(v projection.View) int64 {
	if v.Status == projection.Live || v.Version > o.asOf {
		return lastPlace
	}
	return int64(v.Ended())
}

// ratePlace returns the place of a session by its rate.
func (o *ordering) ratePlace(v projection.View) int64 {
	rates, known := v.Rates(o.now)
	if !known {
		return lastPlace
	}
	const decimals = 1000
	rate := int64(min((rates.BytesRead+rates.BytesWritten)*decimals, 1<<62))
	if o.order == projection.ByRateDescending {
		return -rate
	}
	return rate
}

// livesFirst reports whether live sessions come before those that have ended.
func (o *ordering) livesFirst() bool { return o.order == projection.ByEndDescending }

// livePlace returns the place of live sessions in an order by end.
func (o *ordering) livePlace() int64 {
	if o.livesFirst() {
		return -lastPlace
	}
	return lastPlace
}

// endAt returns the end that a place in an order by end stands for.
func (o *ordering) endAt(place int64) int64 {
	if o.livesFirst() {
		return -place
	}
	return place
}

// placed is a session with its place.
type placed struct {
	place int64
	name  string
	view  projection.View
}

func (o *ordering) comparePlaced(a, b placed) int {
	return o.compareAt(a.place, a.name, a.view.ID, b.place, b.name, b.view.ID)
}

// first returns the first n of some sessions after a position, in order; n = 0 is all of
// them. It costs a look at each, and sorting 2n.
func (o *ordering) first(all []projection.View, after uint64, position projection.Position, n int) []projection.View {
	kept := make([]placed, 0, min(len(all), 2*n))
	for _, v := range all {
		p := placed{o.place(v), o.name(v), v}
		if after != 0 && o.compareAt(p.place, p.name, v.ID, position.Place, position.Name, after) <= 0 {
			continue
		}
		if n > 0 && len(kept) == 2*n {
			slices.SortFunc(kept, o.comparePlaced)
			kept = kept[:n]
		}
		kept = append(kept, p)
	}
	slices.SortFunc(kept, o.comparePlaced)
	if n > 0 {
		kept = kept[:min(n, len(kept))]
	}
	views := make([]projection.View, len(kept))
	for i := range kept {
		views[i] = kept[i].view
	}
	return views
}
