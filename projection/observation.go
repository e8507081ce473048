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
	// Activity is what the session is doing, and ActivitySince since when: in the sample of
	// the client's connection, where the source knows it.
	Activity      Activity
	ActivitySince events.Time
}

// Activity is what a live session is doing.
type Activity uint8

// The activities.
const (
	ActivityUnknown Activity = iota
	// ActivityIdle: the server owes the client nothing.
	ActivityIdle
	// ActivityWaiting: the server owes the client an answer.
	ActivityWaiting
)

// String returns the activity's name, "" for an unknown one.
func (a Activity) String() string {
	switch a {
	case ActivityIdle:
		return "idle"
	case ActivityWaiting:
		return "waiting"
	}
	return ""
}

// Rates are how fast the counters of a client's connection rise, per second.
type Rates struct {
	Reads, Writes, BytesRead, BytesWritten float64
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
	// Activity is what the session is doing, and ActivitySince since when.
	Activity      Activity
	ActivitySince events.Time

	client *clientSample // nil before the first sample of the client's connection
}

// clientSample is the last sample of a client's connection, for the next one's rates.
type clientSample struct {
	at       events.Time // when it was observed
	counters events.Counters
	rates    Rates
	// for how long the rates are those of the present.
	valid events.Time
}

// leastRatesValid is how long rates are those of the present at least, in microseconds.
const leastRatesValid = 2_000_000

// next returns the sample that follows another, nil for the first. A counter that fell has
// begun anew: there is no rate then.
func (c *clientSample) next(at events.Time, counters events.Counters) *clientSample {
	n := &clientSample{at: at, counters: counters}
	if c == nil || at <= c.at {
		return n
	}
	seconds := (at - c.at).Seconds()
	rate := func(before, now uint64) float64 {
		if now < before {
			return 0
		}
		return float64(now-before) / seconds
	}
	n.rates = Rates{
		Reads: rate(c.counters.Reads, counters.Reads), Writes: rate(c.counters.Writes, counters.Writes),
		BytesRead: rate(c.counters.BytesRead, counters.BytesRead), BytesWritten: rate(c.counters.BytesWritten, counters.BytesWritten),
	}
	n.valid = max(2*(at-c.at), leastRatesValid)
	return n
}

// Rates returns how fast the counters of the client's connection rise at a time, by the last
// two observations. A connection that nobody has observed lately rests. known is false when
// there are no two observations.
func (o *Observation) Rates(now events.Time) (r Rates, known bool) {
	if o == nil || o.client == nil || o.client.valid == 0 {
		return Rates{}, false
	}
	if now-o.client.at > o.client.valid {
		return Rates{}, true
	}
	return o.client.rates, true
}

// observe returns the observation with a newer sample of one connection.
func (o *Observation) observe(s *Sample, at events.Time) *Observation {
	v := o.with(s.Final())
	if s.Connection == 0 {
		if s.Activity != ActivityUnknown {
			v.Activity, v.ActivitySince = s.Activity, s.ActivitySince
		}
		v.client = v.client.next(at, s.Counters)
	}
	return v
}

// with returns the observation with newer counters of one connection.
func (o *Observation) with(f events.Final) *Observation {
	if o == nil {
		return &Observation{Count: 1, Finals: []events.Final{f}}
	}
	v := new(Observation)
	*v = *o
	v.Count++
	v.Finals = append(make([]events.Final, 0, len(o.Finals)+1), o.Finals...)
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
		kept := *v
		kept.Finals = slices.Delete(slices.Clone(v.Finals), i, i+1)
		o.bySession[session] = &kept
	}
}

// Observe takes samples of live sessions that were taken at a time. It ignores those of other
// sessions.
func (s *State) Observe(samples []Sample, at events.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed.count++
	for i := range samples {
		id := samples[i].Session
		if s.sessions.live.get(id) == nil {
			continue
		}
		s.observed.bySession[id] = s.observed.bySession[id].observe(&samples[i], at)
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

// Activity returns what a live session is doing: unknown when its source does not say, and
// for an ended session.
func (v *View) Activity() Activity {
	if v.Observed == nil || v.Status != Live || v.Observed.Ended {
		return ActivityUnknown
	}
	return v.Observed.Activity
}

// Rates returns how fast the counters of a live session's client connection rise at a time.
// known is false where its source does not say what the session is doing, and for an ended
// session.
func (v *View) Rates(now events.Time) (r Rates, known bool) {
	if v.Activity() == ActivityUnknown {
		return Rates{}, false
	}
	return v.Observed.Rates(now)
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
