package projection

import (
	"cmp"
	"fmt"
	"slices"
	"unique"

	"gatebook/events"
)

func (s *State) openSession(r *events.Record, e *events.SessionOpened) error {
	// Ids rise with opening, but sessions that open at the same time may be
	// recorded in either order.
	if r.Session == 0 || s.live.get(r.Session) != nil || s.ended[r.Session] != nil {
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
	s.live.put(v)
	s.sourceKeys.put(v)
	s.index.put(v)
	s.dirty = append(s.dirty, v.ID)
	s.countService(e.Service, r, 1, 1)
	s.noteChange(v)
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
	v := *old
	v.Version, v.Modified = r.Sequence, r.Recorded
	v.trail = extend(old.trail, old.Version, r.Sequence)
	switch e := r.Event.(type) {
	case *events.SessionReady:
		v.addFormerUser(e.User)
		v.login = unique.Make(Login{User: e.User, Database: e.Database, Program: e.Program})
		if v.Ready == 0 {
			v.Ready = r.At()
		}
		if v.Stage < Routing {
			v.Stage = Routing
		}
	case *events.ConnectionOpened, *events.ConnectionFailed, *events.ConnectionClosed:
		s.changeConnection(&v, r)
	case *events.StatisticsRecorded:
		v.count(&e.Final)
		s.outdate(v.ID, e.Connection, e.Active)
	case *events.KillScheduled:
		v.mutableExtra().Kill = Kill{By: e.By, Why: e.Why, Due: e.Due}
	case *events.KillRequested:
		v.mutableExtra().Kill = Kill{By: e.By, Why: e.Why, Due: v.Kill().Due, Requested: r.At()}
		v.Stage = Stopping
	case *events.KillWithdrawn:
		v.mutableExtra().Kill = Kill{}
	case *events.SessionClosed:
		v.end(r.At(), e)
	case *events.SessionLost:
		v.Status = Lost
		x := v.mutableExtra()
		x.Ending, x.WasLost = Ending{Ended: r.At(), Reason: e.Cause, LastSeen: e.LastSeen}, true
	case *events.SessionRecovered:
		v.recover(r, e)
	default:
		return fmt.Errorf("%w: an event that package projection does not know", ErrImpossible)
	}
	s.replace(old, &v, r)
	s.noteChange(&v)
	return nil
}

// addFormerUser keeps the user that another one replaces.
func (v *Session) addFormerUser(next string) {
	user := v.Login().User
	if user == "" || user == next {
		return
	}
	former := slices.Collect(formerUsers(v.extraOrZero().Former))
	switch {
	case slices.Contains(former, user) || len(former) > usersKept:
		return
	case len(former) == usersKept:
		user = manyUsers
	}
	v.mutableExtra().Former += user + formerEnd
}

// end notes how a session ended.
func (v *Session) end(at events.Time, e *events.SessionClosed) {
	for i := range e.Finals {
		v.count(&e.Finals[i])
	}
	v.Status = Closed
	x := v.mutableExtra()
	x.Ending = Ending{Ended: at, Reason: e.Reason, By: e.By, Description: e.Description}
	if login := v.Login(); login.User == "" {
		v.login = unique.Make(Login{
			User:     e.User,
			Database: cmp.Or(login.Database, e.Database),
			Program:  cmp.Or(login.Program, e.Program),
		})
	}
}

// recover takes back that a session was lost.
func (v *Session) recover(r *events.Record, e *events.SessionRecovered) {
	v.Status = Live
	x := v.mutableExtra()
	x.Ending = Ending{}
	switch e.Incarnation {
	case "":
	case v.Origin().Incarnation:
		x.Incarnation = ""
	default:
		x.Incarnation = e.Incarnation
	}
}

// count notes the counters of one connection of the session.
func (v *Session) count(f *events.Final) {
	if f.Connection == 0 {
		v.counters.set(f.Counters)
		v.Active = max(v.Active, f.Active)
		return
	}
	if c := v.own(f.Connection); c != nil {
		c.counters.set(f.Counters)
	}
}

// own returns a connection for changing, in a list that only v has; nil when
// there is none.
func (v *Session) own(number uint32) *Connection {
	i := v.index(number)
	if i < 0 {
		return nil
	}
	v.Connections = append(make([]Connection, 0, len(v.Connections)), v.Connections...)
	return &v.Connections[i]
}

func (s *State) changeConnection(v *Session, r *events.Record) {
	switch e := r.Event.(type) {
	case *events.ConnectionOpened:
		if c := v.own(e.Connection); c != nil && c.State == Open {
			if e.ServerID != 0 {
				c.ServerID = e.ServerID
			}
			return
		}
		v.add(Connection{Number: e.Connection, ServerID: e.ServerID, Opened: r.At(), server: unique.Make(e.Server)})
		if v.Stage < LoggingIn {
			v.Stage = LoggingIn
		}
		s.countServer(e.Server, r, 1, 1)
		s.outdate(v.ID, e.Connection, endOfTime)
	case *events.ConnectionFailed:
		v.add(Connection{Number: e.Connection, Opened: r.At(), server: unique.Make(e.Server)})
		v.Connections[len(v.Connections)-1].close(Failed, events.ReasonConnectFailed, r.At(), e.Cause)
		s.ensureServer(e.Server, r)
	case *events.ConnectionClosed:
		if c := v.own(e.Final.Connection); c != nil && c.State == Open {
			c.counters.set(e.Final.Counters)
			c.close(Ended, e.Reason, r.At(), "")
			s.countServer(c.Server(), r, 0, -1)
		}
	}
}

func (v *Session) add(c Connection) {
	v.Connections = append(make([]Connection, 0, len(v.Connections)+1), v.Connections...)
	v.Connections = append(v.Connections, c)
}

// replace puts the new value of a session where it belongs, and keeps the counts.
func (s *State) replace(old, v *Session, r *events.Record) {
	if old.Version <= s.saved {
		s.dirty = append(s.dirty, v.ID)
	}
	if old.Status != Live || v.Status != Live {
		s.endedSince = append(s.endedSince, v)
	}
	switch {
	case old.Status == Live && v.Status == Live:
		s.live.put(v)
		s.index.update(old, v)
		return
	case old.Status != Live && v.Status != Live:
		s.ended[v.ID] = v
		s.sourceKeys.put(v) // it may come from the archive
	case v.Status == Live:
		delete(s.ended, v.ID)
		s.live.put(v)
		s.sourceKeys.put(v)
		s.index.put(v)
		s.countCurrent(v, r, 1)
	default:
		s.live.remove(v.ID)
		s.index.drop(old)
		s.forget(v.ID)
		s.ended[v.ID] = v
		s.countCurrent(v, r, -1)
	}
	s.totals.add(old.Status, ^uint64(0))
	s.totals.add(v.Status, 1)
}

func (t *Totals) add(status Status, n uint64) {
	switch status {
	case Closed:
		t.Closed += n
	case Lost:
		t.Lost += n
	}
}

// countCurrent counts a session in or out of what is current.
func (s *State) countCurrent(v *Session, r *events.Record, n int) {
	s.countService(v.Origin().Service, r, 0, n)
	for i := range v.Connections {
		if c := &v.Connections[i]; c.State == Open {
			s.countServer(c.Server(), r, 0, n)
		}
	}
}
