package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// groupFlag counts sessions instead of listing them.
type groupFlag struct {
	Group groupKey `help:"Count them instead, the largest group first: by user, service, server, address, network, reason, by (who ended them), source or hour." placeholder:"KEY"`
}

// groupKey is what sessions are counted by, "" where they are listed.
type groupKey string

// groupKeys returns what sessions can be counted by.
func groupKeys() []string {
	return []string{"user", "service", "server", "address", "network", "reason", "by", "source", "hour"}
}

// Validate returns an error for a key that is none. It is called by kong.
func (k groupKey) Validate() error {
	if k != "" && !slices.Contains(groupKeys(), string(k)) {
		return fmt.Errorf("%q is no group; there are %s", string(k), strings.Join(groupKeys(), ", "))
	}
	return nil
}

// count prints how many sessions match, by group.
func (g groupFlag) count(ctx context.Context, o outputFlag, server *client.Client, q client.Query, to *streams) error {
	if o.raw() {
		query := rawQuery(q)
		for _, name := range []string{"fields", "sort"} { // which are of sessions
			delete(query, name)
		}
		query["group"] = []string{string(g.Group)}
		return o.copy(ctx, server, to, "/sessions/counts", query)
	}
	groups, err := server.Counts(ctx, string(g.Group), q)
	if err != nil {
		return err
	}
	t := table.Table{Columns: []table.Column{{Name: strings.ToUpper(string(g.Group)), Least: 10}, {Name: "SESSIONS", Right: true}}}
	for _, n := range groups {
		name := n.Group
		if name == "" {
			name = "-"
		}
		t.Add(name, fmt.Sprint(n.Sessions))
	}
	if len(groups) == 0 && to.width > 0 {
		fmt.Fprintln(to.err, "no session matches")
	}
	return o.print(to, &t)
}
