package projection

import (
	"cmp"
	"fmt"
	"slices"
	"unique"

	"gatebook/events"
)

// openSession applies the first record of a session. Ids rise with opening, but sessions
// that open at the same time can be recorded in either order.
func (s *State) openSession(r *events.Record, e *events.SessionOpened) error {
	if r.Session == 0 || s.sessions.find(r.Session) != nil {
		return fmt.Errorf("%w: session %d is opened twice", ErrImpossible, r.Session)
	}
	v := &Session{
		ID:      r.Session,
		Version: r.Sequence, Modified: r.Recorded,
		Opened: r.At(),
		Port:   e.Port,
		trail:  extend("", 0, r.Sequence),
		origin: unique.Make(Origin{
			Source: e.Source, Incarnation: e.Incarnation, Service: e.Service,
			Listener: e.Listener, Protocol: e.Protocol,
		}),
		login: unique.Make(Login{}),
	}
	v.setAddress(e.Address)
	if e.Type != events.TypeClient || e.Key != "" || e.TLS != "" || e.Subject != "" {
		x := v.mutableExtra()
		x.Type, x.Key, x.TLS, x.Subject = e.Type, e.Key, e.TLS, e.Subject
	}
	s.lastID = max(s.lastID, v.ID)
	s.sessions.open(v)
	s.unsaved.opened(v)
	s.topology.naming = e.Source
	s.topology.countService(e.Service, r, 1, 1)
	s.sessionChanged(v)
	return nil
}

// changeSession applies a record about a session that was opened before.
func (s *State) changeSession(r *events.Record) error {
	old, err := s.find(r.Session)
	if err != nil {
		return err
	}
	if old == nil {
		return fmt.Errorf("%w: there is no session %d", ErrImpossible, r.Session)
	}
	s.topology.naming = old.Origin().Source
	v := *old
	v.Version, v.Modified = r.Sequence, r.Recorded
	v.trail = extend(old.trail, old.Version, r.Sequence)
	switch e := r.Event.(type) {
	case *events.ConnectionOpened, *events.ConnectionFailed, *events.ConnectionClosed:
		s.changeConnection(&v, r)
	case *events.StatisticsRecorded:
		v.count(&e.Final, r)
		s.observed.dropOlder(v.ID, e.Connection, e.Active)
	default:
		if !v.change(r) {
			return fmt.Errorf("%w: an event that package projection does not know", ErrImpossible)
		}
	}
	s.replace(old, &v, r)
	s.sessionChanged(&v)
	return nil
}

// changeConnection applies a record about a connection of a session to its new value.
func (s *State) changeConnection(v *Session, r *events.Record) {
	switch e := r.Event.(type) {
	case *events.ConnectionOpened:
		if c := v.mutableConnection(e.Connection); c != nil && c.State == Open {
			if e.ServerID != 0 {
				c.ServerID = e.ServerID
			}
			return
		}
		v.addConnection(Connection{Number: e.Connection, ServerID: e.ServerID, Opened: v.at(r), server: unique.Make(e.Server)})
		v.Stage = max(v.Stage, LoggingIn)
		s.topology.countServer(e.Server, r, 1, 1)
		s.observed.dropOlder(v.ID, e.Connection, endOfTime)
	case *events.ConnectionFailed:
		v.addConnection(Connection{Number: e.Connection, Opened: v.at(r), server: unique.Make(e.Server)})
		v.Connections[len(v.Connections)-1].close(Failed, events.ReasonConnectFailed, v.at(r), e.Cause)
		s.topology.ensureServer(e.Server, r)
	case *events.ConnectionClosed:
		if c := v.mutableConnection(e.Final.Connection); c != nil && c.State == Open {
			c.counters.set(e.Final.Counters)
			c.close(Ended, e.Reason, max(v.at(r), c.Opened), "")
			s.topology.countServer(c.Server(), r, 0, -1)
		}
	}
}

// replace puts the new value of a session in the place of the old one, and updates the
// counts.
func (s *State) replace(old, v *Session, r *events.Record) {
	s.unsaved.replaced(old, v, s.EndedBlock)
	s.sessions.replace(old, v)
	switch {
	case old.Status == Live && v.Status == Live:
		return
	case old.Status == Live:
		s.observed.forget(v.ID)
		s.topology.countCurrent(v, r, -1)
	case v.Status == Live:
		s.topology.countCurrent(v, r, 1)
	}
	s.totals.add(old.Status, ^uint64(0))
	s.totals.add(v.Status, 1)
}

// change applies a record to a session that is not shared yet. It returns false for an
// event that does not belong to a session. Records about connections and counters are
// applied by the state.
func (s *Session) change(r *events.Record) bool {
	switch e := r.Event.(type) {
	case *events.SessionReady:
		s.addFormerUser(e.User)
		s.login = unique.Make(Login{User: e.User, Database: e.Database, Program: e.Program})
		if s.Ready == 0 {
			s.Ready = s.at(r)
		}
		s.Stage = max(s.Stage, Routing)
	case *events.LoginFailed: // its trail alone has it
	case *events.KillScheduled:
		s.mutableExtra().Kill = Kill{By: e.By, Why: e.Why, Due: e.Due}
	case *events.KillRequested:
		s.mutableExtra().Kill = Kill{By: e.By, Why: e.Why, Due: s.Kill().Due, Requested: s.at(r)}
		s.Stage = Stopping
	case *events.KillWithdrawn:
		s.mutableExtra().Kill = Kill{}
	case *events.SessionClosed:
		s.end(r, e)
	case *events.SessionLost:
		s.Status = Lost
		x := s.mutableExtra()
		x.Ending, x.WasLost = Ending{Ended: s.at(r), Reason: e.Cause, LastSeen: max(min(e.LastSeen, r.Recorded), s.Opened)}, true
	case *events.SessionRecovered:
		s.recover(e)
	default:
		return false
	}
	return true
}

// addFormerUser remembers the user that next replaces.
func (s *Session) addFormerUser(next string) {
	user := s.Login().User
	if user == "" || user == next {
		return
	}
	former := slices.Collect(formerUsers(s.extraOrZero().Former))
	switch {
	case slices.Contains(former, user) || len(former) > usersKept:
		return
	case len(former) == usersKept:
		user = manyUsers
	}
	s.mutableExtra().Former += user + formerEnd
}

// end sets how a session ended.
func (s *Session) end(r *events.Record, e *events.SessionClosed) {
	for i := range e.Finals {
		s.count(&e.Finals[i], r)
	}
	s.Status = Closed
	x := s.mutableExtra()
	x.Ending = Ending{Ended: s.at(r), Reason: e.Reason, By: e.By, Description: e.Description}
	x.Type = max(x.Type, e.Type)
	if login := s.Login(); login.User == "" {
		s.login = unique.Make(Login{
			User:     e.User,
			Database: cmp.Or(login.Database, e.Database),
			Program:  cmp.Or(login.Program, e.Program),
		})
	}
}

// recover makes a lost session live again.
func (s *Session) recover(e *events.SessionRecovered) {
	s.Status = Live
	x := s.mutableExtra()
	x.Ending = Ending{}
	switch e.Incarnation {
	case "":
	case s.Origin().Incarnation:
		x.Incarnation = ""
	default:
		x.Incarnation = e.Incarnation
	}
}

// at returns when a record about the session happened. Nothing happens to a session before
// it opened, nor ends it before it was ready, whatever its source's clock says.
func (s *Session) at(r *events.Record) events.Time { return max(r.At(), s.Opened, s.Ready) }

// count sets the counters of one connection of the session, by a record. Counters that fell
// are kept as they are: the source has begun to count anew. A connection was not read from
// after that was recorded.
func (s *Session) count(f *events.Final, r *events.Record) {
	if f.Connection == 0 {
		s.counters.set(f.Counters)
		s.Active = max(s.Active, min(f.Active, r.Recorded))
		return
	}
	if c := s.mutableConnection(f.Connection); c != nil {
		c.counters.set(f.Counters)
	}
}

// mutableConnection returns a connection of a new value of the session, in a list of its
// own; nil if there is none.
func (s *Session) mutableConnection(number uint32) *Connection {
	i := s.index(number)
	if i < 0 {
		return nil
	}
	s.Connections = append(make([]Connection, 0, len(s.Connections)), s.Connections...)
	return &s.Connections[i]
}

func (s *Session) addConnection(c Connection) {
	s.Connections = append(make([]Connection, 0, len(s.Connections)+1), s.Connections...)
	s.Connections = append(s.Connections, c)
}
