package main

import (
	"context"
	"fmt"
	"iter"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// eventsCommand are the arguments of events.
type eventsCommand struct {
	Remote  remoteFlags `embed:""`
	Follow  bool        `short:"f" help:"Go on with what is recorded, from now on or from --after, until Ctrl-C."`
	After   uint64      `help:"Begin after that record." placeholder:"SEQ"`
	Session []uint64    `help:"Of that session." placeholder:"ID"`
	Kind    []string    `help:"Of that kind, such as session_opened or kill_requested." placeholder:"KIND"`
	Source  []string    `help:"Of that source." sep:"none"`
	Limit   int         `help:"At most that many." placeholder:"N"`
	Output  string      `short:"o" help:"Form of the records: ${enum}." enum:"text,ndjson" default:"text"`
}

// Help returns what --help adds.
func (eventsCommand) Help() string {
	return `The log, a line for each record: its number, its time, what it is, of which session, and what it says.

Examples:
  gatebook events --follow
  gatebook events --kind kill_requested,kill_scheduled
  gatebook events --session 42`
}

// Run prints the records of the log.
func (c *eventsCommand) Run(ctx context.Context, to *streams) error {
	q := client.EventQuery{After: c.After, Session: c.Session, Kind: c.Kind, Source: c.Source}
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if c.Output == "ndjson" && !c.Follow {
			return outputFlag{Output: "ndjson"}.copy(ctx, server, to, "/events", eventQuery(q, c.Limit))
		}
		n := 0
		for e, err := range c.records(ctx, server, q, to) {
			if err != nil {
				return err
			}
			if err := c.print(to, &e); err != nil {
				return err
			}
			if n++; n == c.Limit {
				break
			}
		}
		return nil
	})
}

// records returns the records that are asked for.
func (c *eventsCommand) records(ctx context.Context, server *client.Client, q client.EventQuery, to *streams) iter.Seq2[client.Event, error] {
	if !c.Follow {
		return server.Events(ctx, q)
	}
	return server.Follow(ctx, q, func(err error) {
		fmt.Fprintln(to.err, "gatebook: the connection is lost, trying again:", oneLine(c.Remote.explain(server, err)))
	})
}

// print prints a record.
func (c *eventsCommand) print(to *streams, e *client.Event) error {
	if c.Output == "ndjson" {
		return line(to.out, "%s", e.Raw)
	}
	session := ""
	if e.Session > 0 {
		session = fmt.Sprint("session ", e.Session, " ")
	}
	text := table.Escape(fmt.Sprintf("%d  %s  %s  %s%s", e.Sequence, to.stamp(e.Time), e.Kind, session, details(e)))
	if to.width > 0 {
		text = table.Isolate(table.Cut(text, to.width))
	}
	return line(to.out, "%s", text)
}

// eventQuery returns the parameters of a query.
func eventQuery(q client.EventQuery, limit int) map[string][]string {
	v := q.Values()
	if limit > 0 {
		v.Set("limit", fmt.Sprint(limit))
	}
	return v
}
