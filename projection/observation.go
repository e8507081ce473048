package projection

import (
	"math"
	"slices"

	"gatebook/events"
)

// endOfTime is later than any time a connection was read from.
const endOfTime = events.Time(math.MaxInt64)

// Sample are the counters of one connection of a session, as seen now.
type Sample struct {
	Session uint64
	// Connection is the connection's number; 0 is the client's.
	Connection uint32
	Counters   events.Counters
	// Active is when data was last read from the connection; 0 if never.
	Active events.Time
}

// Final is the sample without its session.
func (s *Sample) Final() events.Final {
	return events.Final{Connection: s.Connection, Counters: s.Counters, Active: s.Active}
}

// Observation are the newest counters of a live session. It never changes.
type Observation struct {
	// Count rises with each observation of the session.
	Count uint64
	// Finals are the connections' counters, at most one each, and none of a
	// connection of which something newer is recorded.
	Finals []events.Final
	// Ended: the session is over, which is still to be recorded.
	Ended bool
}

// ObserveEnd notes that a live session is over, although its end is not recorded yet.
func (s *State) ObserveEnd(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live.get(id) == nil {
		return
	}
	var v Observation
	if o := s.observed[id]; o != nil {
		v = *o
	}
	if !v.Ended {
		s.over++
	}
	v.Ended = true
	v.Count++
	s.observed[id] = &v
	s.observations++
}

// forget drops what was observed of a session that has ended on the record.
func (s *State) forget(id uint64) {
	if o := s.observed[id]; o != nil && o.Ended {
		s.over--
	}
	delete(s.observed, id)
}

// Observe notes samples of live sessions. Those of others are left out.
func (s *State) Observe(samples []Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observations++
	for i := range samples {
		id := samples[i].Session
		if s.live.get(id) == nil {
			continue
		}
		s.observed[id] = s.observed[id].with(samples[i].Final())
	}
}

func (o *Observation) with(f events.Final) *Observation {
	if o == nil {
		return &Observation{Count: 1, Finals: []events.Final{f}}
	}
	v := &Observation{Count: o.Count + 1, Ended: o.Ended, Finals: append(make([]events.Final, 0, len(o.Finals)+1), o.Finals...)}
	for i := range v.Finals {
		if v.Finals[i].Connection == f.Connection {
			v.Finals[i] = f
			return v
		}
	}
	v.Finals = append(v.Finals, f)
	return v
}

// outdate drops what was observed of a connection because something newer is
// recorded; not if the connection was read from since.
func (s *State) outdate(session uint64, number uint32, active events.Time) {
	o := s.observed[session]
	if o == nil {
		return
	}
	i := slices.IndexFunc(o.Finals, func(f events.Final) bool { return f.Connection == number && f.Active <= active })
	if i >= 0 {
		s.observed[session] = &Observation{Count: o.Count, Ended: o.Ended, Finals: slices.Delete(slices.Clone(o.Finals), i, i+1)}
	}
}

// View is a session as a reader sees it: the fold's value, and what was observed
// of it since.
type View struct {
	*Session
	Observed *Observation
}

// Over tells of a live session that it is over, and its end still to be recorded.
func (v *View) Over() bool { return v.Observed != nil && v.Observed.Ended }

// Current are the newest counters of a connection, 0 being the client's, and
// when data was last read from it (0 where that is not known).
func (v *View) Current(number uint32) (events.Counters, events.Time) {
	var recorded events.Counters
	var active events.Time
	if number == 0 {
		recorded, active = v.Counters(), v.Active
	} else if c, found := v.Connection(number); found {
		if recorded = c.Counters(); c.State != Open {
			return recorded, 0
		}
	}
	if v.Observed != nil {
		for i := range v.Observed.Finals {
			if f := &v.Observed.Finals[i]; f.Connection == number && f.Active >= active {
				return f.Counters, f.Active
			}
		}
	}
	return recorded, active
}

// LastActive is when the client was last read from, or else when it came.
func (v *View) LastActive() events.Time {
	active := v.Active
	if v.Observed != nil {
		_, active = v.Current(0)
	}
	return max(active, v.Opened)
}
