package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// servicesCommand are the arguments of services.
type servicesCommand struct {
	Remote remoteFlags `embed:""`
	outputFlag
}

// Help returns what --help adds.
func (servicesCommand) Help() string {
	return `Example:
  gatebook services`
}

// Run lists the services.
func (c *servicesCommand) Run(ctx context.Context, to *streams) error {
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if c.raw() {
			return c.copy(ctx, server, to, "/services", everyField())
		}
		all, err := server.Services(ctx)
		if err != nil {
			return err
		}
		t := table.Table{Columns: []table.Column{
			{Name: "SERVICE", Least: 6},
			{Name: "STATE"},
			{Name: "SESSIONS", Right: true},
			{Name: "EVER", Right: true, Drop: 2},
			{Name: "ROUTER", Drop: 3},
			{Name: "SERVERS", Least: 6},
			{Name: "LISTENERS", Least: 9, Drop: 1},
			{Name: "STARTED", Right: true, Drop: 4},
		}}
		for _, s := range all {
			t.Add(s.Name, s.State, to.number(float64(s.Current)), to.number(float64(s.Total)), s.Router, names(s.Servers),
				strings.Join(s.Listeners, ","), to.ago(s.Started))
		}
		colouring(&t, 1)
		return c.print(to, &t)
	})
}

// everyField returns the parameters that ask for every member.
func everyField() map[string][]string { return map[string][]string{"fields": {"*"}} }

// serversCommand are the arguments of servers.
type serversCommand struct {
	Remote remoteFlags `embed:""`
	outputFlag
}

// Help returns what --help adds.
func (serversCommand) Help() string {
	return `A server's state is what sessions last found out; it is not dialled for its own sake.

Example:
  gatebook servers`
}

// Run lists the servers.
func (c *serversCommand) Run(ctx context.Context, to *streams) error {
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if c.raw() {
			return c.copy(ctx, server, to, "/servers", everyField())
		}
		all, err := server.Servers(ctx)
		if err != nil {
			return err
		}
		t := table.Table{Columns: []table.Column{
			{Name: "SERVER", Least: 6},
			{Name: "STATE"},
			{Name: "SINCE", Right: true, Drop: 2},
			{Name: "CONNECTIONS", Right: true},
			{Name: "EVER", Right: true, Drop: 3},
			{Name: "ADDRESS", Drop: 4},
			{Name: "PROTOCOL", Drop: 5},
			{Name: "CAUSE", Least: 10, Drop: 1},
		}}
		for _, s := range all {
			state, address := "unknown", s.Address
			if len(s.Status) > 0 {
				state = strings.Join(s.Status, ",")
			}
			if s.Port > 0 {
				address = net.JoinHostPort(s.Address, fmt.Sprint(s.Port))
			}
			t.Add(s.Name, state, to.ago(s.Since), to.number(float64(s.Current)), to.number(float64(s.Total)), address, s.Protocol, s.Cause)
		}
		colouring(&t, 1)
		return c.print(to, &t)
	})
}

// sourcesCommand are the arguments of sources.
type sourcesCommand struct {
	Remote remoteFlags `embed:""`
	outputFlag
}

// Help returns what --help adds.
func (sourcesCommand) Help() string {
	return `The programs that report sessions: the gateway, the API's own clients, and proxies elsewhere.

Example:
  gatebook sources`
}

// Run lists the sources.
func (c *sourcesCommand) Run(ctx context.Context, to *streams) error {
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if c.raw() {
			return c.copy(ctx, server, to, "/sources", everyField())
		}
		all, err := server.Sources(ctx)
		if err != nil {
			return err
		}
		t := table.Table{Columns: []table.Column{
			{Name: "SOURCE", Least: 6},
			{Name: "STATE"},
			{Name: "LAST SEEN", Right: true},
			{Name: "STARTED", Right: true, Drop: 2},
			{Name: "VERSION", Drop: 3},
			{Name: "HOST", Least: 6, Drop: 1},
			{Name: "UNRECORDED", Right: true, Drop: 4},
		}}
		for _, s := range all {
			t.Add(s.Name, s.State, to.ago(s.LastSeen), to.ago(s.Started), s.Version, s.Host, to.number(float64(s.Unrecorded)))
		}
		colouring(&t, 1)
		return c.print(to, &t)
	})
}
