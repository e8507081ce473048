package projection

import (
	"net/netip"
	"slices"

	"gatebook/events"
)

// Filter says which sessions are wanted. What is given for one thing means either,
// different things combine, and what is not given does not matter.
type Filter struct {
	// Services, Servers and Sources are names, which are compared by their keys. A
	// session has the servers it reached.
	Services, Servers, Sources []string
	// Users and By are compared as they are.
	Users, By []string
	Reasons   []events.Reason
	// Networks hold the client's address.
	Networks []netip.Prefix
	// Since and Until bound a window; 0 leaves it open. Wanted is who was alive at any
	// moment of it, by [Session.Opened] and [Session.End].
	Since, Until events.Time
}

// Empty reports whether the filter wants every session.
func (f *Filter) Empty() bool {
	return len(f.Services)+len(f.Servers)+len(f.Sources)+len(f.Users)+len(f.By)+len(f.Reasons)+len(f.Networks) == 0 &&
		f.Since == 0 && f.Until == 0
}

// Servers are the names of the servers that the session reached, each once, in that
// order.
func (s *Session) Servers() []string {
	var all []string
	for i := range s.Connections {
		c := &s.Connections[i]
		if name := c.Server(); c.State != Failed && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Ended is when the session ended, 0 while it lives. A lost one ended when it was
// last known to be alive.
func (s *Session) Ended() events.Time {
	switch s.Status {
	case Live:
		return 0
	case Lost:
		if seen := s.Ending().LastSeen; seen != 0 {
			return seen
		}
	}
	return s.Ending().Ended
}

// users are all users the session has had, the present one first.
func (s *Session) users() []string {
	var all []string
	if user := s.Login().User; user != "" {
		all = append(all, user)
	}
	for former := range formerUsers(s.extraOrZero().Former) {
		if !slices.Contains(all, former) {
			all = append(all, former)
		}
	}
	return all
}
