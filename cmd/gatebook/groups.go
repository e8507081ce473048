package main

import (
	"context"
	"fmt"
	"strings"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// groupFlag counts sessions instead of listing them.
type groupFlag struct {
	Group string `help:"Count them instead, by ${enum}; the largest group first." enum:",user,service,server,address,network,reason,by,source,hour" default:"" placeholder:"KEY"`
}

// count prints how many sessions match, by group.
func (g groupFlag) count(ctx context.Context, o outputFlag, server *client.Client, q client.Query, to *streams) error {
	if o.raw() {
		query := rawQuery(q)
		for _, name := range []string{"fields", "sort"} { // which are of sessions
			delete(query, name)
		}
		query["group"] = []string{g.Group}
		return o.copy(ctx, server, to, "/sessions/counts", query)
	}
	groups, err := server.Counts(ctx, g.Group, q)
	if err != nil {
		return err
	}
	t := table.Table{Columns: []table.Column{{Name: strings.ToUpper(g.Group), Least: 10}, {Name: "SESSIONS", Right: true}}}
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
