package projection

import (
	"math"
	"slices"

	"gatebook/events"
)

// endOfTime is later than the last read of any connection.
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

// Final returns the sample without its session.
func (s *Sample) Final() events.Final {
	return events.Final{Connection: s.Connection, Counters: s.Counters, Active: s.Active}
}

// Observation are the newest counters of a live session. It never changes.
type Observation struct {
	// Count rises with each observation of the session.
	Count uint64
	// Finals are the counters of connections, at most one of each. Connections with newer
	// counters on the record have none.
	Finals []events.Final
	// Ended: the session is over, but its end is not recorded yet.
	Ended bool
}

// with returns the observation with newer counters of one connection.
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

// observations holds the observations of live sessions. It is guarded by the state's lock.
type observations struct {
	bySession map[uint64]*Observation
	count     uint64 // of calls that observed something
	over      int    // of sessions observed to be over
}

func newObservations() observations { return observations{bySession: make(map[uint64]*Observation)} }

// end records that a session is over.
func (o *observations) end(id uint64) {
	var v Observation
	if before := o.bySession[id]; before != nil {
		v = *before
	}
	if !v.Ended {
		o.over++
	}
	v.Ended = true
	v.Count++
	o.bySession[id] = &v
	o.count++
}

// forget drops the observation of a session whose end is recorded.
func (o *observations) forget(id uint64) {
	if v := o.bySession[id]; v != nil && v.Ended {
		o.over--
	}
	delete(o.bySession, id)
}

// dropOlder drops the observed counters of a connection, because newer ones are recorded.
// It keeps them if the connection was read from after active.
func (o *observations) dropOlder(session uint64, number uint32, active events.Time) {
	v := o.bySession[session]
	if v == nil {
		return
	}
	i := slices.IndexFunc(v.Finals, func(f events.Final) bool { return f.Connection == number && f.Active <= active })
	if i >= 0 {
		o.bySession[session] = &Observation{Count: v.Count, Ended: v.Ended, Finals: slices.Delete(slices.Clone(v.Finals), i, i+1)}
	}
}

// Observe takes samples of live sessions. It ignores those of other sessions.
func (s *State) Observe(samples []Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed.count++
	for i := range samples {
		id := samples[i].Session
		if s.sessions.live.get(id) == nil {
			continue
		}
		s.observed.bySession[id] = s.observed.bySession[id].with(samples[i].Final())
	}
}

// ObserveEnd records in memory that a live session is over, although its end is not
// recorded in the log yet.
func (s *State) ObserveEnd(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions.live.get(id) != nil {
		s.observed.end(id)
	}
}

// View is a session as a reader sees it: the folded value, and the observation since.
type View struct {
	*Session
	Observed *Observation
}

// Over reports whether a live session is over and its end not recorded yet.
func (v *View) Over() bool { return v.Observed != nil && v.Observed.Ended }

// Current returns the newest counters of a connection, 0 being the client's, and when data
// was last read from it (0 if that is unknown).
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

// LastActive returns when the client was last read from, or else when it connected.
func (v *View) LastActive() events.Time {
	active := v.Active
	if v.Observed != nil {
		_, active = v.Current(0)
	}
	return max(active, v.Opened)
}
