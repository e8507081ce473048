package gateway

import "time"

// The times between two recordings of a session that stays busy. The last one
// repeats.
const (
	firstInterval = 5 * time.Second
	lastInterval  = 60 * time.Second
)

// schedule decides when the counters of busy sessions are recorded: firstInterval
// after one became busy, then at doubling intervals while it stays busy. A session
// that did not change for a whole interval is busy no more. The schedule knows no
// clock. It is used by one goroutine at a time.
type schedule struct {
	paces map[uint64]*pace
	// lanes hold the sessions by interval, in the order in which they are due.
	lanes map[time.Duration][]turn
}

// pace is where a busy session is in its schedule.
type pace struct {
	interval time.Duration
	// changed: it moved since it was recorded last.
	changed bool
}

// turn is a session's place in a lane.
type turn struct {
	session uint64
	due     time.Time
}

func newSchedule() *schedule {
	return &schedule{paces: make(map[uint64]*pace), lanes: make(map[time.Duration][]turn)}
}

// changed notes that a session's counters changed.
func (s *schedule) changed(session uint64, now time.Time) {
	if p := s.paces[session]; p != nil {
		p.changed = true
		return
	}
	s.paces[session] = &pace{interval: firstInterval, changed: true}
	s.enter(session, firstInterval, now)
}

// due appends to list the sessions that are to be recorded by now, and plans
// their next turns.
func (s *schedule) due(now time.Time, list []uint64) []uint64 {
	for interval := firstInterval; ; interval = longer(interval) {
		lane := s.lanes[interval]
		passed := 0
		for passed < len(lane) && !lane[passed].due.After(now) {
			passed++
		}
		turns := lane[:passed]
		s.lanes[interval] = lane[passed:]
		for _, t := range turns {
			if s.take(t.session, now) {
				list = append(list, t.session)
			}
		}
		if interval == lastInterval {
			return list
		}
	}
}

// take ends a session's turn, and reports whether it is to be recorded.
func (s *schedule) take(session uint64, now time.Time) bool {
	p := s.paces[session]
	if !p.changed {
		delete(s.paces, session)
		return false
	}
	p.changed = false
	p.interval = longer(p.interval)
	s.enter(session, p.interval, now)
	return true
}

// enter puts a session at the end of a lane.
func (s *schedule) enter(session uint64, interval time.Duration, now time.Time) {
	s.lanes[interval] = append(s.lanes[interval], turn{session: session, due: now.Add(interval)})
}

// longer returns the interval after this one.
func longer(interval time.Duration) time.Duration {
	return min(2*interval, lastInterval)
}
