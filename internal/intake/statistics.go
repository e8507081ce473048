package intake

import (
	"slices"

	"gatebook/events"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
)

// takeStatistics decides about counters. They are recorded when one differs from the
// recorded ones and they are not older.
func (d *reconciler) takeStatistics(s *reportedSession, e *events.StatisticsRecorded, at *Event) error {
	if at.Observed {
		return d.observe(s, e)
	}
	before, known := s.counters(e.Connection)
	if !known {
		return misfit("connection %d was never opened", e.Connection)
	}
	if before == e.Counters || d.repeated {
		return nil // in a report that is recorded they may have been left out
	}
	older, err := s.isOlder(e.Connection, at.Occurred)
	if err != nil || older {
		return err
	}
	if fell(before, e.Counters) || !s.isOpen(e.Connection) {
		found, err := s.has(e, at.Occurred)
		if err != nil || found {
			return err
		}
	}
	return d.record(s, e, at.Occurred)
}

// observe decides about counters that are shown and not recorded. Those of a connection
// that has ended meanwhile are not shown either.
func (d *reconciler) observe(s *reportedSession, e *events.StatisticsRecorded) error {
	if _, known := s.counters(e.Connection); !known {
		return misfit("connection %d was never opened", e.Connection)
	}
	if s.isOpen(e.Connection) {
		d.observed = append(d.observed, observed{s, e.Final})
	}
	return nil
}

// isOpen reports whether a connection of the session is open, the client's included.
func (s *reportedSession) isOpen(connection uint32) bool {
	if s.draft.Phase == lifecycle.Closed || s.draft.Phase == lifecycle.Lost {
		return false
	}
	return connection == 0 || s.draft.IsOpen(connection)
}

// fell reports whether any counter is lower than before.
func fell(before, now events.Counters) bool {
	return now.Reads < before.Reads || now.Writes < before.Writes || now.BufferedWrites < before.BufferedWrites ||
		now.HighWaterEvents < before.HighWaterEvents || now.LowWaterEvents < before.LowWaterEvents ||
		now.BytesRead < before.BytesRead || now.BytesWritten < before.BytesWritten
}

// counters returns the last counters of a connection, this report's included. known is
// false when there is no such connection.
func (s *reportedSession) counters(connection uint32) (last events.Counters, known bool) {
	known = s.draft.Knows(connection)
	for _, t := range slices.Backward(s.pending) {
		if f, ok := countersIn(t.event, connection); ok && f != nil {
			return f.Counters, known
		}
	}
	if v := s.draft.Session; v != nil && connection == 0 {
		last = v.Counters()
	} else if c := s.draft.Connection(connection); c != nil {
		last = c.Counters()
	}
	return last, known
}

// countersIn returns the counters of a connection that an event carries. concerns is true
// also when the event only ends the connection.
func countersIn(e events.Event, connection uint32) (f *events.Final, concerns bool) {
	switch e := e.(type) {
	case *events.StatisticsRecorded:
		return &e.Final, e.Connection == connection
	case *events.ConnectionClosed:
		return &e.Final, e.Final.Connection == connection
	case *events.SessionClosed:
		for i := range e.Finals {
			if e.Finals[i].Connection == connection {
				return &e.Finals[i], true
			}
		}
		return nil, true
	}
	return nil, false
}

// isOlder reports whether counters of that time are older than the last ones of their
// connection.
func (s *reportedSession) isOlder(connection uint32, occurred events.Time) (bool, error) {
	if occurred == 0 {
		return false, nil
	}
	for i := len(s.pending) - 1; i >= 0; i-- {
		if _, concerns := countersIn(s.pending[i].event, connection); concerns {
			return occurred < s.pending[i].occurred, nil
		}
	}
	for i := s.trail.Len() - 1; i >= 0; i-- {
		record, err := s.trail.Record(i)
		if err != nil {
			return false, err
		}
		if _, concerns := countersIn(record.Event, connection); concerns {
			return occurred < record.Occurred, nil
		}
	}
	return false, nil
}

// has reports whether an equal event of the session is recorded, or among those of this
// report.
func (s *reportedSession) has(e events.Event, occurred events.Time) (bool, error) {
	wanted := content(e, occurred)
	if _, again := s.pendingContent[string(wanted)]; again {
		return true, nil
	}
	if !s.mayBeOn(e) {
		return false, nil
	}
	if s.recorded == nil {
		s.recorded = make(map[string]struct{})
		for i := range s.trail.Len() {
			record, err := s.trail.Record(i)
			if err != nil {
				return false, err
			}
			if record.Erased() { // it cannot be compared any more, and must not be recorded again
				s.erased |= 1 << record.Event.Kind()
			}
			s.recorded[string(content(record.Event, record.Occurred))] = struct{}{}
		}
	}
	_, found := s.recorded[string(wanted)]
	return found || s.erased&(1<<e.Kind()) != 0, nil
}

// mayBeOn reports whether an event may be recorded for its session already. It spares
// reading the trail of a session to which something new happens.
func (s *reportedSession) mayBeOn(e events.Event) bool {
	v := s.draft.Session
	if v == nil {
		return false
	}
	has := func(number uint32, open bool) bool {
		return slices.ContainsFunc(v.Connections, func(c projection.Connection) bool {
			return c.Number == number && (open || c.State != projection.Open)
		})
	}
	switch e := e.(type) {
	case *events.SessionReady:
		return v.Ready != 0
	case *events.SessionClosed:
		return v.Status == projection.Closed
	case *events.ConnectionOpened:
		return has(e.Connection, true)
	case *events.ConnectionFailed:
		return has(e.Connection, false)
	case *events.ConnectionClosed:
		return has(e.Final.Connection, false)
	}
	return true
}

// content returns the bytes by which two events are compared.
func content(e events.Event, occurred events.Time) []byte {
	return events.Append(nil, &events.Record{Event: e, Occurred: occurred}, func(salt []byte) { clear(salt) })
}
