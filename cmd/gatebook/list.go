package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// listCommand are the arguments of list.
type listCommand struct {
	Remote remoteFlags `embed:""`
	filterFlags
	outputFlag
	groupFlag
	Status   []string `help:"Live ones, closed ones, lost ones (whose end nobody saw) or all: ${enum}." enum:"live,closed,lost,all" group:"Which sessions"`
	Reason   []string `help:"That ended for that reason, such as killed or auth_failed." placeholder:"REASON" group:"Which sessions"`
	By       []string `help:"That were ended by that account or user." placeholder:"NAME" sep:"none" group:"Which sessions"`
	Activity []string `help:"Live ones that are idle, or waiting for their server: ${enum}." enum:"idle,waiting" group:"Which sessions"`
	Sort     string   `help:"Order: id, ended, and of live sessions opened, idle, rate or user; - before it turns it round." placeholder:"KEY" group:"Which sessions"`
	Watch    bool     `help:"Show the list again every two seconds, until Ctrl-C."`
}

// Help returns what --help adds.
func (listCommand) Help() string {
	return `Without --status, and without a window of time, the live sessions are listed. Times are in your zone, and shown in UTC where
they are not relative.

Examples:
  gatebook list
  gatebook list --user jdoe --sort=-rate
  gatebook list --service orders --address 10.0.0.0/8 --at 03:12
  gatebook list -o csv > sessions.csv`
}

// Run lists the sessions.
func (c *listCommand) Run(ctx context.Context, to *streams) error {
	q, err := c.query(to)
	if err != nil {
		return err
	}
	q.Status, q.Reason, q.By, q.Activity, q.Sort = c.Status, c.Reason, c.By, c.Activity, c.Sort
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if !c.Watch {
			return c.list(ctx, server, q, to)
		}
		return watch(ctx, to, func(to *streams) error { return c.list(ctx, server, q, to) })
	})
}

// list prints the list once.
func (c *listCommand) list(ctx context.Context, server *client.Client, q client.Query, to *streams) error {
	switch {
	case c.Group != "":
		return c.count(ctx, c.outputFlag, server, q, to)
	case c.raw():
		return c.copy(ctx, server, to, "/sessions", rawQuery(q))
	}
	t := table.Table{Columns: []table.Column{
		{Name: "ID", Right: true},
		{Name: "USER", Least: 12},
		{Name: "ADDRESS", Drop: 3},
		{Name: "SERVICE", Least: 6, Drop: 4},
		{Name: "SERVER", Least: 6, Drop: 5},
		{Name: "DATABASE", Least: 6, Drop: 6},
		{Name: "PROGRAM", Least: 6, Drop: 8},
		{Name: "STATE"},
		{Name: "SINCE", Right: true, Drop: 1},
		{Name: "IDLE", Right: true, Drop: 2},
		{Name: "READS/S", Right: true, Drop: 7},
		{Name: "BYTES/S", Right: true, Drop: 7},
	}}
	for s, err := range server.Sessions(ctx, q) {
		if err != nil {
			return err
		}
		reads, bytes := "", ""
		if s.Rates != nil {
			reads = to.number(s.Rates.Reads)
			bytes = to.number(s.Rates.BytesRead + s.Rates.BytesWritten)
		}
		t.Add(fmt.Sprint(s.ID), s.User, s.Address, client.LinkName(s.Service), names(s.Servers), s.Database, s.Program,
			stateOf(&s), to.age(&s), to.seconds(float64(s.Idle)), reads, bytes)
	}
	colouring(&t, 7)
	if len(t.Rows) == 0 && to.width > 0 {
		fmt.Fprintln(to.err, "no session matches")
	}
	return c.print(to, &t)
}

// rawQuery returns the parameters of a query of which the server's own answer is printed.
func rawQuery(q client.Query) map[string][]string {
	v := q.Values()
	if q.Limit > 0 {
		v.Set("limit", fmt.Sprint(q.Limit))
	}
	return v
}

// historyCommand are the arguments of history.
type historyCommand struct {
	Remote remoteFlags `embed:""`
	filterFlags
	outputFlag
	groupFlag
	Reason []string `help:"That ended for that reason, such as killed or auth_failed." placeholder:"REASON" group:"Which sessions"`
	By     []string `help:"That were ended by that account or user." placeholder:"NAME" sep:"none" group:"Which sessions"`
	Lost   bool     `help:"Only those whose end nobody saw, one line for each loss, such as a crash."`
}

// Help returns what --help adds.
func (historyCommand) Help() string {
	return `The sessions that have ended, the newest first: who was there, and how they left.

Examples:
  gatebook history --user jdoe --since 'last tuesday' --until 'last tuesday'
  gatebook history --reason auth_failed --since 1h --group address
  gatebook history --lost`
}

// Run lists the sessions that have ended.
func (c *historyCommand) Run(ctx context.Context, to *streams) error {
	q, err := c.query(to)
	if err != nil {
		return err
	}
	q.Status, q.Reason, q.By, q.Sort = []string{"closed", "lost"}, c.Reason, c.By, "-ended"
	if c.Lost {
		q.Status = []string{"lost"}
	}
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		switch {
		case c.Group != "":
			return c.count(ctx, c.outputFlag, server, q, to)
		case c.raw():
			return c.copy(ctx, server, to, "/sessions", rawQuery(q))
		case c.Lost:
			return c.incidents(server.Sessions(ctx, q), to)
		}
		return c.list(server.Sessions(ctx, q), to)
	})
}

// list prints one line for each session.
func (c *historyCommand) list(sessions iter.Seq2[client.Session, error], to *streams) error {
	t := table.Table{Columns: []table.Column{
		{Name: "ID", Right: true},
		{Name: "USER", Least: 12},
		{Name: "ADDRESS", Drop: 2},
		{Name: "SERVICE", Least: 6, Drop: 4},
		{Name: "DATABASE", Least: 6, Drop: 5},
		{Name: to.zoned("OPENED"), Right: true, Drop: 6},
		{Name: to.zoned("ENDED"), Right: true},
		{Name: "LASTED", Right: true, Drop: 3},
		{Name: "REASON"},
		{Name: "BY", Least: 6, Drop: 1},
		{Name: "DESCRIPTION", Least: 8, Drop: 7},
	}}
	for s, err := range sessions {
		if err != nil {
			return err
		}
		t.Add(fmt.Sprint(s.ID), s.User, s.Address, client.LinkName(s.Service), s.Database, to.moment(s.Opened), to.moment(s.Ended),
			to.seconds(s.Duration), s.Reason, s.By, s.Note)
	}
	colouring(&t, 8)
	if len(t.Rows) == 0 && to.width > 0 {
		fmt.Fprintln(to.err, "no session matches")
	}
	return c.print(to, &t)
}

// incidentSpan is how far apart the records of one loss may be.
const incidentSpan = time.Minute

// incident is a loss of sessions: a crash of the registry, or a source that was lost.
type incident struct {
	source, reason string
	recorded       time.Time
	last           time.Time
	sessions       int
	users          map[string]bool
}

// incidents prints one line for each loss.
func (c *historyCommand) incidents(sessions iter.Seq2[client.Session, error], to *streams) error {
	var all []*incident
	for s, err := range sessions {
		if err != nil {
			return err
		}
		source := client.LinkName(s.Source)
		var of *incident
		for _, i := range all {
			if i.source == source && i.reason == s.Reason && i.recorded.Sub(s.LostAt).Abs() < incidentSpan {
				of = i
			}
		}
		if of == nil {
			of = &incident{source: source, reason: s.Reason, recorded: s.LostAt, users: make(map[string]bool)}
			all = append(all, of)
		}
		of.sessions++
		of.users[s.User] = true
		if s.LastSeen.After(of.last) {
			of.last = s.LastSeen
		}
	}
	t := table.Table{Columns: []table.Column{
		{Name: to.zoned("LAST SEEN"), Right: true},
		{Name: to.zoned("NOTICED"), Right: true, Drop: 1},
		{Name: "SOURCE", Least: 6},
		{Name: "REASON"},
		{Name: "SESSIONS", Right: true},
		{Name: "USERS", Right: true, Drop: 2},
	}}
	for _, i := range all {
		t.Add(to.moment(i.last), to.moment(i.recorded), i.source, i.reason, fmt.Sprint(i.sessions), fmt.Sprint(len(i.users)))
	}
	colouring(&t, 3)
	if len(all) == 0 && to.width > 0 {
		fmt.Fprintln(to.err, "no session was lost")
	}
	return c.print(to, &t)
}

// moment returns a time as people read it: on a terminal in their zone, to the second, and
// today without the day; elsewhere exactly, in UTC.
func (s *streams) moment(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case s.width == 0:
		return t.UTC().Format(exact)
	}
	now, local := s.now().In(s.zone), t.In(s.zone)
	if now.YearDay() == local.YearDay() && now.Year() == local.Year() {
		return local.Format("15:04:05")
	}
	return local.Format("2006-01-02 15:04:05")
}

// zoned returns the name of a column of times with the zone that a terminal shows them in.
func (s *streams) zoned(name string) string {
	if s.width == 0 {
		return name
	}
	return name + " (" + s.now().In(s.zone).Format("MST") + ")"
}

// age returns since when a session is there: on a terminal for how long it was at the moment
// of the answer, elsewhere exactly.
func (s *streams) age(v *client.Session) string {
	if s.width == 0 {
		return s.ago(v.Opened)
	}
	return s.seconds(v.Duration)
}
