package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// statusCommand are the arguments of status.
type statusCommand struct {
	Remote remoteFlags `embed:""`
}

// Help returns what --help adds.
func (statusCommand) Help() string {
	return `Whether the server is up and records, since when, and how much there is. The exit status is 1 when it is not ready.

Example:
  gatebook status`
}

// Run shows how the server is.
func (c *statusCommand) Run(ctx context.Context, to *streams) error {
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		notReady := server.Ready(ctx)
		why, isAnswer := notReady, client.IsStatus(notReady, http.StatusServiceUnavailable) || client.IsStatus(notReady, http.StatusInsufficientStorage)
		if notReady != nil && !isAnswer {
			return notReady
		}
		facts := [][2]string{{"Server", server.Address()}, {"Ready", "yes"}}
		if notReady != nil {
			facts[1][1] = "no: " + plain(why.Error())
		}
		more, err := statusFacts(ctx, server, to)
		if err != nil && !(notReady != nil && client.IsStatus(err, http.StatusServiceUnavailable)) { // it is starting
			return err
		}
		if err := table.Facts(to.out, to.options(false), append(facts, more...)...); err != nil {
			return err
		}
		if notReady != nil {
			return fmt.Errorf("the server is not ready")
		}
		return nil
	})
}

// statusFacts returns what a server that answers says of itself.
func statusFacts(ctx context.Context, server *client.Client, to *streams) ([][2]string, error) {
	v, err := server.Version(ctx)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := server.Copy(ctx, &text, "/metrics", nil, "text/plain"); err != nil {
		return nil, err
	}
	m := metricsOf(text.Bytes())
	counts := make([]string, 3)
	for i, status := range []string{"live", "closed", "lost"} {
		n, err := server.Count(ctx, client.Query{Status: []string{status}})
		if err != nil {
			return nil, err
		}
		counts[i] = to.number(float64(n))
	}
	head, err := server.Head(ctx)
	if err != nil {
		return nil, err
	}
	services, err := server.Services(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := server.Servers(ctx)
	if err != nil {
		return nil, err
	}
	facts := [][2]string{
		{"Version", v.Version + optional(", revision ", v.Revision[:min(len(v.Revision), 12)]) + ", " + v.Go},
		{"Since", to.when(time.Unix(int64(m["process_start_time_seconds"]), 0))},
		{"Sessions", fmt.Sprintf("%s live, %s closed, %s lost", counts[0], counts[1], counts[2])},
		{"Records", to.number(float64(head))},
		{"Services", ofThem(len(services), "stopped", countOf(services, func(s client.Service) bool { return s.State == "stopped" }))},
		{"Servers", ofThem(len(servers), "down", countOf(servers, func(s client.Server) bool { return strings.Join(s.Status, "") == "down" }))},
		{"Signed", signedFact(m)},
		{"Log", size(m["gatebook_log_bytes"])},
		{"Archive", size(m["gatebook_archive_bytes"])},
	}
	if total := m["gatebook_disk_size_bytes"]; total > 0 {
		free := m["gatebook_disk_free_bytes"]
		facts = append(facts, [2]string{"Disk", fmt.Sprintf("%s free of %s (%.0f %%)", size(free), size(total), 100*free/total)})
	}
	if behind := m["gatebook_clock_behind_seconds"]; behind > 0 {
		facts = append(facts, [2]string{"Clock", fmt.Sprintf("%s before the last record: what is recorded gets the time of that one until the clock has passed it",
			time.Duration(behind*float64(time.Second)).Round(time.Second))})
	}
	return facts, nil
}

// signedFact returns how many records the newest signed head covers.
func signedFact(m map[string]float64) string {
	signed, known := m["gatebook_head_records"]
	switch {
	case !known:
		return "no"
	case m["gatebook_head_failing"] > 0:
		return fmt.Sprintf("the first %.0f records; the newest head cannot be written, the server's log says why", signed)
	}
	return fmt.Sprintf("the first %.0f records", signed)
}

// countOf returns how many of a list have a property.
func countOf[T any](all []T, has func(T) bool) int {
	n := 0
	for _, v := range all {
		if has(v) {
			n++
		}
	}
	return n
}

// ofThem returns a number, and how many of it have a property, if any.
func ofThem(n int, property string, have int) string {
	if have == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d, %d of them %s", n, have, property)
}

// metricsOf returns the metrics without labels in the text format of Prometheus.
func metricsOf(text []byte) map[string]float64 {
	all := make(map[string]float64)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			all[name] = n
		}
	}
	return all
}
