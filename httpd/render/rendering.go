package render

import "gatebook/events"

// Rendering is the state that the values of one answer share. It remembers the last link and
// the last date, because neighbours in a list mostly have the same. It is for one goroutine.
type Rendering struct {
	// Now is the end of spans of time that have not ended.
	Now events.Time
	// Gap is the time without a registry that the answer lies in, "" for none.
	Gap   string
	link  linkCache
	dates dateCache
}

// AppendLink appends the link to the thing of a name in a folder, null when the name is empty.
func (r *Rendering) AppendLink(b []byte, folder, name string) []byte {
	return r.link.append(b, folder, name)
}

// AppendDate appends t in the form of C's asctime, in UTC, the day of the month padded with
// a space; null when t is not known.
func (r *Rendering) AppendDate(b []byte, t events.Time) []byte { return r.dates.append(b, t) }
