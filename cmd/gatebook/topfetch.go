package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatebook/httpd/client"
)

// topTick is the message that it is time to ask again.
type topTick struct{}

// topSample is an answer of the server.
type topSample struct {
	number   int // of the question
	sessions []client.Session
	first    int    // the position of the first session in the list
	total    uint64 // how many sessions match
	services []client.Service
	servers  []client.Server
	live     uint64
	err      error
}

// topDetail is what the server says of one session.
type topDetail struct {
	session     client.Session
	connections []client.Connection
	trail       []client.Event
	err         error
}

// topTime is how long the server may take to answer.
const topTime = 10 * time.Second

// topFields are the members of sessions that the list shows.
func topFields() []string {
	return []string{"id", "state", "status", "user", "address", "service", "servers", "database", "duration", "idle", "activity", "rates"}
}

// tick returns the command that waits until it is time to ask again.
func (t *top) tick() tea.Cmd {
	return tea.Tick(topInterval, func(time.Time) tea.Msg { return topTick{} })
}

// next returns the number of a new question, which makes the answers to older ones stale.
func (t *top) next() int {
	t.asked++
	return t.asked
}

// ask returns the command that asks the server for what the screen shows.
func (t *top) ask() tea.Cmd {
	number := t.next()
	q, first := t.asking(), t.first
	list := func() tea.Msg { return t.sampleOf(number, q, first) }
	if t.mode != modeDetail {
		return list
	}
	id := t.selected
	return tea.Batch(list, func() tea.Msg { return t.detailOf(id) })
}

// asking returns the query of the visible sessions.
func (t *top) asking() client.Query {
	q := t.query
	q.Status, q.Fields, q.Sort, q.Limit = []string{"live"}, topFields(), topOrders()[t.order].key, t.rows()
	return q
}

// sample asks the server.
func (t *top) sample(number int) topSample { return t.sampleOf(number, t.asking(), t.first) }

// sampleOf asks the server for the sessions of a query from a position on, and the totals.
func (t *top) sampleOf(number int, q client.Query, first int) (s topSample) {
	ctx, stop := context.WithTimeout(t.ctx, topTime)
	defer stop()
	s.number, s.first = number, first
	if s.sessions, s.total, s.err = t.server.SessionsAt(ctx, q, first); s.err != nil {
		return s
	}
	if s.services, s.err = t.server.Services(ctx); s.err != nil {
		return s
	}
	if s.servers, s.err = t.server.Servers(ctx); s.err != nil {
		return s
	}
	for _, v := range s.services {
		s.live += v.Current
	}
	return s
}

// detailOf asks the server for one session.
func (t *top) detailOf(id uint64) (d topDetail) {
	ctx, stop := context.WithTimeout(t.ctx, topTime)
	defer stop()
	if d.session, d.err = t.server.Session(ctx, id, ""); d.err != nil {
		return d
	}
	if d.connections, d.err = t.server.Connections(ctx, id, ""); d.err != nil {
		return d
	}
	d.trail, d.err = t.server.Trail(ctx, id)
	return d
}

// readFilter reads the words of a filter, which are those of the API: user=jdoe service=orders.
// A word without = is a user.
func readFilter(text string) (client.Query, error) {
	var q client.Query
	into := map[string]*[]string{
		"user": &q.User, "service": &q.Service, "server": &q.Server, "address": &q.Address, "database": &q.Database,
		"program": &q.Program, "source": &q.Source, "activity": &q.Activity,
	}
	for _, word := range strings.Fields(text) {
		name, value, given := strings.Cut(word, "=")
		if !given {
			name, value = "user", word
		}
		list := into[name]
		switch {
		case list == nil:
			return q, fmt.Errorf("%s= is no filter; there are user, service, server, address, database, program, source and activity", name)
		case value == "":
			return q, fmt.Errorf("%s= names nothing yet", name)
		}
		*list = append(*list, value)
	}
	return q, nil
}
