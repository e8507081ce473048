//go:build soak

package main_test

import (
	"fmt"
	"testing"
)

// recordedSession is a session as the book has it.
type recordedSession struct {
	id   uint64
	port int
	// kind is its type.
	kind string
	// reached: a server was. connection is its own number for the connection, 0 if that was not
	// known.
	reached    bool
	connection uint64
	// ready: the login succeeded, as user for database.
	ready          bool
	user, database string
	// reason is why it ended, "" while it lives.
	reason, description string
	// client and server are what was counted of its connections, clientCalls and serverCalls how
	// many reads and writes that were.
	client, server           traffic
	clientCalls, serverCalls calls
}

// traffic is what was counted of a connection.
type traffic struct {
	BytesRead    uint64 `json:"bytes_read"`
	BytesWritten uint64 `json:"bytes_written"`
}

// calls is how many reads and writes there were; with TLS that is how many records.
type calls struct{ Reads, Writes uint64 }

// recordedSessions returns the sessions of a service's clients in the order in which they were
// opened.
func recordedSessions(t *testing.T, p *program) []*recordedSession {
	t.Helper()
	var list []struct {
		Kind           string
		Session        uint64
		Port           int
		Type           *string
		ConnectionID   uint64 `json:"connection_id"`
		User, Database *string
		Reason, Cause  string
		Description    *string
		Connections    []struct {
			Connection uint32
			Statistics struct {
				traffic
				calls
			}
		}
	}
	p.get("/events?kind=session_opened,connection_opened,session_ready,session_closed,session_lost", &list)
	sessions, byID := []*recordedSession(nil), make(map[uint64]*recordedSession)
	for _, e := range list {
		if e.Kind == "session_opened" {
			byID[e.Session] = &recordedSession{id: e.Session, port: e.Port}
			sessions = append(sessions, byID[e.Session])
		}
		s := byID[e.Session]
		if e.Type != nil && *e.Type != "" {
			s.kind = *e.Type
		}
		switch e.Kind {
		case "connection_opened":
			s.reached, s.connection = true, e.ConnectionID
		case "session_ready":
			if !s.ready { // a change of user is another matter
				s.ready, s.user, s.database = true, textOf(e.User), textOf(e.Database)
			}
		case "session_lost":
			s.reason = e.Cause
		case "session_closed":
			s.reason, s.description = e.Reason, textOf(e.Description)
			for _, c := range e.Connections {
				if c.Connection == 0 {
					s.client, s.clientCalls = c.Statistics.traffic, c.Statistics.calls
				} else {
					s.server, s.serverCalls = c.Statistics.traffic, c.Statistics.calls
				}
			}
		}
	}
	return sessions
}

// trailOf returns what is on the record of a session.
func trailOf(p *program, session uint64) string {
	_, _, trail := p.request("GET", fmt.Sprintf("/sessions/%d/events", session))
	return "; of it there is " + trail
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
