package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// showCommand are the arguments of show.
type showCommand struct {
	Remote remoteFlags `embed:""`
	ID     uint64      `arg:"" help:"Id of the session."`
	At     string      `help:"As it was at that time, or at a record of the log." placeholder:"TIME"`
	Output string      `short:"o" help:"Form of the answer: ${enum}." enum:"text,json" default:"text"`
}

// Help returns what --help adds.
func (showCommand) Help() string {
	return `The session, its connections, and its trail: all that is on the record of it, oldest first.

Examples:
  gatebook show 42
  gatebook show 42 --at 03:12`
}

// Run shows a session.
func (c *showCommand) Run(ctx context.Context, to *streams) error {
	filter := filterFlags{At: c.At}
	_, _, at, err := filter.times(to)
	if err != nil {
		return err
	}
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if c.Output == "json" {
			query := map[string][]string{"fields": {"*"}}
			if at != "" {
				query["at"] = []string{at}
			}
			return outputFlag{Output: "json"}.copy(ctx, server, to, fmt.Sprint("/sessions/", c.ID), query)
		}
		s, err := server.Session(ctx, c.ID, at)
		if err != nil {
			return err
		}
		connections, err := server.Connections(ctx, c.ID, at)
		if err != nil {
			return err
		}
		trail, err := server.Trail(ctx, c.ID)
		if err != nil {
			return err
		}
		return showSession(to, &s, connections, trail)
	})
}

// showSession prints a session as a person thinks of it.
func showSession(to *streams, s *client.Session, connections []client.Connection, trail []client.Event) error {
	if err := showFacts(to, s, connections, trail); err != nil {
		return err
	}
	fmt.Fprintln(to.out)
	return showTrail(to, trail)
}

// showFacts prints what a session is, and its connections.
func showFacts(to *streams, s *client.Session, connections []client.Connection, trail []client.Event) error {
	o := to.options(false)
	if err := table.Facts(to.out, o, sessionFacts(to, s, trail)...); err != nil {
		return err
	}
	fmt.Fprintln(to.out)
	return connectionTable(to, connections).Write(to.out, o)
}

// sessionFacts returns what is known of a session, without its connections.
func sessionFacts(to *streams, s *client.Session, trail []client.Event) [][2]string {
	state := stateOf(s)
	if s.ActivitySince.After(s.Opened) {
		state += " since " + to.when(s.ActivitySince)
	}
	facts := [][2]string{
		{"Session", fmt.Sprint(s.ID)},
		{"State", state},
		{"User", s.User},
		{"From", from(s)},
		{"Program", s.Program},
		{"Service", client.LinkName(s.Service) + optional(" at ", s.Listener) + optional(", ", s.Protocol)},
		{"Servers", names(s.Servers)},
		{"Database", s.Database},
		{"TLS", s.TLS},
		{"Certificate", s.Subject},
		{"Opened", to.when(s.Opened)},
		{"Ready", to.when(s.Ready)},
	}
	if s.Status == "live" {
		facts = append(facts, [2]string{"Idle", to.seconds(float64(s.Idle))})
	} else {
		facts = append(facts, [2]string{"Ended", to.when(s.Ended)}, [2]string{"Lasted", to.seconds(s.Duration)},
			[2]string{"Reason", s.Reason + optional(", by ", s.By)}, [2]string{"Description", s.Note})
	}
	if s.Rates != nil {
		facts = append(facts, [2]string{"Now", fmt.Sprintf("%s reads/s, %s writes/s, %s/s",
			to.number(s.Rates.Reads), to.number(s.Rates.Writes), size(s.Rates.BytesRead+s.Rates.BytesWritten))})
	}
	if line := busy(trail); line != "" && to.width > 0 {
		facts = append(facts, [2]string{"Busy", line})
	}
	return append(facts, [2]string{"Gap", optional("no registry ran at that time: ", s.Gap)}, [2]string{"Reported by", client.LinkName(s.Source)})
}

// optional returns a text with what stands before it, "" when the text is empty.
func optional(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// from returns the address and the port that a client came from.
func from(s *client.Session) string {
	if s.Port == 0 {
		return s.Address
	}
	return net.JoinHostPort(s.Address, strconv.Itoa(int(s.Port)))
}

// when returns a time in full, on a terminal with how long ago it was.
func (s *streams) when(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case s.width == 0:
		return t.UTC().Format(time.RFC3339Nano)
	}
	return t.In(s.zone).Format("2006-01-02 15:04:05 MST") + " (" + short(s.now().Sub(t)) + " ago)"
}

// connectionTable returns the connections of a session.
func connectionTable(to *streams, all []client.Connection) *table.Table {
	t := &table.Table{Columns: []table.Column{
		{Name: "CONNECTION", Least: 8},
		{Name: "STATE"},
		{Name: "SERVER ID", Right: true, Drop: 3},
		{Name: "READS", Right: true},
		{Name: "WRITES", Right: true},
		{Name: "READ", Right: true, Drop: 2},
		{Name: "WRITTEN", Right: true, Drop: 2},
		{Name: "HELD UP", Right: true, Drop: 4},
		{Name: "REASON", Drop: 1},
	}}
	for _, c := range all {
		name, id := "client", ""
		if c.Server != "" {
			name = client.LinkName(c.Server)
		}
		if c.ServerID > 0 {
			id = fmt.Sprint(c.ServerID)
		}
		state := map[string]string{"DCB Allocated": "dialling", "DCB in the polling loop": "open", "DCB socket closed": "closed"}[c.State]
		row := []string{name, state, id, "", "", "", "", "", c.Reason}
		if n := c.Statistics; n != nil {
			row[3], row[4], row[7] = to.number(float64(n.Reads)), to.number(float64(n.Writes)), to.number(float64(n.HighWaterEvents))
			row[5], row[6] = to.bytes(n.BytesRead), to.bytes(n.BytesWritten)
		}
		t.Add(row...)
	}
	return t
}

// bytes returns a number of bytes: on a terminal in larger units, elsewhere whole.
func (s *streams) bytes(n uint64) string {
	if s.width == 0 {
		return fmt.Sprint(n)
	}
	return size(float64(n))
}

// busy returns a line of bars: how many reads and writes there were between the records of a
// session's statistics, oldest first. It is "" where fewer than three are recorded.
func busy(trail []client.Event) string {
	const most = 40
	var rates []float64
	last := make(map[uint32]client.Event)
	for _, e := range trail {
		if e.Kind != "statistics_recorded" || e.Statistics == nil {
			continue
		}
		if before, ok := last[e.Connection]; ok && e.Time.After(before.Time) {
			n := float64(e.Statistics.Reads+e.Statistics.Writes) - float64(before.Statistics.Reads+before.Statistics.Writes)
			rates = append(rates, max(n, 0)/e.Time.Sub(before.Time).Seconds())
		}
		last[e.Connection] = e
	}
	if len(rates) < 2 {
		return ""
	}
	return bars(rates[max(0, len(rates)-most):])
}

// bars returns a bar for each number, the highest for the largest.
func bars(numbers []float64) string {
	const levels = "▁▂▃▄▅▆▇█"
	highest := 0.0
	for _, n := range numbers {
		highest = max(highest, n)
	}
	var b strings.Builder
	for _, n := range numbers {
		level := 0
		if highest > 0 {
			level = min(int(n/highest*8), 7)
		}
		b.WriteRune([]rune(levels)[level])
	}
	return b.String()
}

// showTrail prints the records of a session.
func showTrail(to *streams, trail []client.Event) error {
	t := table.Table{Columns: []table.Column{
		{Name: "RECORD", Right: true, Drop: 1}, {Name: to.zoned("TIME")}, {Name: "WHAT"}, {Name: "DETAILS", Least: 30, Wrap: true},
	}}
	for _, e := range trail {
		t.Add(fmt.Sprint(e.Sequence), to.stamp(e.Time), e.Kind, details(&e))
	}
	return t.Write(to.out, to.options(false))
}

// stamp returns the time of a record: on a terminal in its zone with thousandths, elsewhere
// exactly.
func (s *streams) stamp(t time.Time) string {
	if s.width == 0 {
		return t.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return t.In(s.zone).Format("2006-01-02 15:04:05.000")
}

// details returns what a record says, in a line.
func details(e *client.Event) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+quoted(value))
		}
	}
	number := func(name string, n uint64) {
		if n > 0 {
			add(name, fmt.Sprint(n))
		}
	}
	add("source", e.Source)
	add("incarnation", e.Incarnation)
	add("name", e.Name)
	add("service", e.Service)
	add("listener", e.Listener)
	add("address", e.Address)
	number("port", uint64(e.Port))
	add("user", e.User)
	add("database", e.Database)
	add("program", e.Program)
	add("tls", e.TLS)
	add("state", e.State)
	if strings.HasPrefix(e.Kind, "connection_") || e.Kind == "statistics_recorded" || e.Kind == "observation" {
		add("connection", fmt.Sprint(e.Connection))
	}
	add("server", e.Server)
	number("connection_id", e.ServerID)
	add("reason", e.Reason)
	add("cause", e.Cause)
	add("by", e.By)
	add("description", e.Note)
	add("change", e.Change)
	add("account", e.Account)
	add("role", e.Role)
	add("key", e.Key)
	number("sessions", e.Sessions)
	if !e.Due.IsZero() {
		add("due", e.Due.UTC().Format(exact))
	}
	if !e.LastSeen.IsZero() {
		add("last_seen", e.LastSeen.UTC().Format(exact))
	}
	if n := e.Statistics; n != nil {
		add("reads", fmt.Sprint(n.Reads))
		add("writes", fmt.Sprint(n.Writes))
	}
	if e.Erased {
		parts = append(parts, "erased")
	}
	return strings.Join(parts, " ")
}

// quoted returns a value, in quotes if it has blanks in it.
func quoted(value string) string {
	if strings.ContainsAny(value, " \"=") {
		return strconv.Quote(value)
	}
	return value
}

// line prints one line.
func line(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}
