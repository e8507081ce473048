package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// outputFlag is the form in which a command prints its rows.
type outputFlag struct {
	Output string `short:"o" help:"Form of the answer: ${enum}. table fits the terminal, wide shows all columns; the others are the API's own." enum:"table,wide,json,ndjson,csv" default:"table"`
}

// forms are the media types of the forms that the server makes.
var forms = map[string]string{"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}

// raw reports whether the server's own answer is printed.
func (o outputFlag) raw() bool { return forms[o.Output] != "" }

// copy prints the server's own answer to a GET.
func (o outputFlag) copy(ctx context.Context, c *client.Client, to *streams, path string, query url.Values) error {
	if query == nil {
		query = url.Values{}
	}
	if o.Output == "json" {
		query.Set("pretty", "true")
	}
	return c.Copy(ctx, to.out, path, query, forms[o.Output])
}

// print prints a table in the form that was asked for.
func (o outputFlag) print(to *streams, t *table.Table) error {
	return t.Write(to.out, to.options(o.Output == "wide"))
}

// options returns how tables are printed. wide prints all columns whole.
func (s *streams) options(wide bool) table.Options {
	o := table.Options{Width: s.width, Bidi: s.width > 0, Style: s.color}
	if wide {
		o.Width = 0
	}
	return o
}

// exact is the form of times in pipes, which is UTC.
const exact = "2006-01-02T15:04:05Z"

// ago returns a time as people read it: on a terminal how long ago it was, elsewhere exactly.
// The zero time is "".
func (s *streams) ago(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case s.width == 0:
		return t.UTC().Format(exact)
	}
	return short(s.now().Sub(t))
}

// short returns a duration in one or two units.
func short(d time.Duration) string {
	d = max(d, 0)
	day := 24 * time.Hour
	switch {
	case d < 10*time.Second && d%time.Second != 0 && d >= time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 10*time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < day:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d < 100*day:
		return fmt.Sprintf("%dd%02dh", int(d/day), int(d.Hours())%24)
	}
	return fmt.Sprintf("%dd", int(d/day))
}

// seconds returns a span of whole seconds: on a terminal in the largest units, elsewhere as a
// number.
func (s *streams) seconds(n float64) string {
	if s.width == 0 {
		return fmt.Sprint(int64(n))
	}
	return short(time.Duration(int64(n)) * time.Second)
}

// number returns a count: on a terminal in thousands, millions and so on, elsewhere whole.
func (s *streams) number(n float64) string {
	if s.width == 0 || n < 10_000 {
		return fmt.Sprintf("%.0f", n)
	}
	return scaled(n, 1000, "kMGTPE", "")
}

// size returns a number of bytes in the units that people use.
func size(n float64) string {
	if n < 1024 {
		return fmt.Sprintf("%.0f B", n)
	}
	return scaled(n, 1024, "KMGTPE", "iB")
}

// scaled returns a number with the prefix of the unit that leaves three digits of it.
func scaled(n, step float64, prefixes, unit string) string {
	i := -1
	for n >= step && i < len(prefixes)-1 {
		n /= step
		i++
	}
	text := fmt.Sprintf("%.1f", n)
	if n >= 100 {
		text = fmt.Sprintf("%.0f", n)
	}
	space := ""
	if unit != "" {
		space = " "
	}
	return text + space + prefixes[i:i+1] + unit
}

// names returns the names of things that links lead to.
func names(links []string) string {
	all := make([]string, len(links))
	for i, link := range links {
		all[i] = client.LinkName(link)
	}
	return strings.Join(all, ",")
}

// stateOf returns the state of a session in a word.
func stateOf(s *client.Session) string {
	switch s.State {
	case "Session Allocated":
		return "accepted"
	case "Session Ready":
		return "logging in"
	case "Session ready for routing":
		if s.Activity != "" {
			return s.Activity
		}
		return "connected"
	case "Stopping session":
		return "stopping"
	}
	return s.Status
}

// The colours that say something; each stands beside a word that says the same.
const (
	red, yellow, green, dim = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m"
	uncoloured              = "\x1b[0m"
)

// colourOf returns the colour of a word of state, "" for none.
func colourOf(word string) string {
	switch word {
	case "down", "lost", "stopped", "killed", "error", "auth_failed", "connect_failed", "registry_crashed", "source_lost":
		return red
	case "stopping", "logging in", "waiting", "idle_timeout", "login_timeout", "network_error", "limit":
		return yellow
	case "running", "started", "ready":
		return green
	}
	return ""
}

// colouring colours the cells of some columns by their words.
func colouring(t *table.Table, columns ...int) {
	t.Style = func(row, column int) (before, after string) {
		for _, c := range columns {
			if c == column {
				if colour := colourOf(t.Rows[row][c]); colour != "" {
					return colour, uncoloured
				}
			}
		}
		return "", ""
	}
}
