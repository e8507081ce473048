package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// sparkWidth is how many samples of a session are drawn.
const sparkWidth = 12

// View draws the screen. It implements [tea.Model].
func (t *top) View() tea.View {
	v := tea.NewView(t.screen())
	v.AltScreen = true
	v.WindowTitle = "gatebook top"
	return v
}

// screen returns the lines of the screen, as many as fit.
func (t *top) screen() string {
	var lines []string
	switch t.mode {
	case modeHelp:
		lines = topHelp()
	case modeDetail:
		lines = append([]string{t.title(), ""}, t.detailLines()...)
	default:
		lines = append([]string{t.title()}, t.seen.totals(t)...)
		lines = append(append(lines, ""), t.listLines()...)
	}
	lines = lines[:min(len(lines), max(t.height-1, 0))]
	for len(lines) < t.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines, t.foot())
	for i, l := range lines {
		if !strings.Contains(l, "\x1b") {
			lines[i] = table.Cut(l, t.width)
		}
	}
	return strings.Join(lines, "\n")
}

// title returns the first line: how the server is, and what is shown.
func (t *top) title() string {
	text := fmt.Sprintf("gatebook %s  %s live, by %s", t.server.Address(), t.to.number(float64(t.seen.live)), topOrders()[t.order].name)
	if t.filter != "" {
		text += fmt.Sprintf("  filter: %s (%s)", table.Escape(t.filter), t.to.number(float64(t.seen.total)))
	}
	if n := len(t.seen.sessions); n > 0 && uint64(n) < t.seen.total {
		text += fmt.Sprintf("  %d-%d of %s", t.seen.first+1, t.seen.first+n, t.to.number(float64(t.seen.total)))
	}
	if t.paused {
		text += "  PAUSED"
	}
	return text
}

// totals returns a line for the services and one for the servers.
func (s topSample) totals(t *top) []string {
	var services, servers []string
	for _, v := range s.services {
		if v.Current == 0 && v.State == "" {
			continue
		}
		text := fmt.Sprintf("%s %s", table.Escape(v.Name), t.to.number(float64(v.Current)))
		if v.State == "stopped" {
			text += " stopped"
		}
		services = append(services, text)
	}
	for _, v := range s.servers {
		text := fmt.Sprintf("%s %s", table.Escape(v.Name), t.to.number(float64(v.Current)))
		if slices.Contains(v.Status, "down") {
			text += " DOWN"
		}
		servers = append(servers, text)
	}
	var lines []string
	if len(services) > 0 {
		lines = append(lines, "services  "+strings.Join(services, ", "))
	}
	if len(servers) > 0 {
		lines = append(lines, "servers   "+strings.Join(servers, ", "))
	}
	return lines
}

// listLines returns the table of sessions.
func (t *top) listLines() []string {
	made := table.Table{Columns: []table.Column{
		{Name: " "},
		{Name: "ID", Right: true},
		{Name: "USER", Least: 12},
		{Name: "ADDRESS", Drop: 4},
		{Name: "SERVICE", Least: 6, Drop: 3},
		{Name: "SERVER", Least: 6, Drop: 6},
		{Name: "DATABASE", Least: 6, Drop: 7},
		{Name: "STATE"},
		{Name: "AGE", Right: true, Drop: 5},
		{Name: "IDLE", Right: true, Drop: 2},
		{Name: "READS/S", Right: true},
		{Name: "WRITES/S", Right: true, Drop: 8},
		{Name: "BYTES/S", Right: true},
		{Name: "HISTORY", Drop: 1},
	}}
	for i := range t.seen.sessions {
		s := &t.seen.sessions[i]
		mark := " "
		if s.ID == t.selected {
			mark = ">"
		}
		reads, writes, volume := "", "", ""
		if r := s.Rates; r != nil {
			reads, writes, volume = t.to.number(r.Reads), t.to.number(r.Writes), t.to.number(r.BytesRead+r.BytesWritten)
		}
		made.Add(mark, fmt.Sprint(s.ID), s.User, s.Address, client.LinkName(s.Service), names(s.Servers), s.Database, stateOf(s),
			t.to.seconds(s.Duration), t.to.seconds(float64(s.Idle)), reads, writes, volume, spark(t.history[s.ID]))
	}
	colouring(&made, 7)
	var b bytes.Buffer
	_ = made.Write(&b, table.Options{Width: t.width, Bidi: t.to.width > 0, Style: t.to.color}) // a buffer takes all
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(t.seen.sessions) == 0 && t.gone == nil {
		lines = append(lines, "  no live session matches")
	}
	return lines
}

// spark returns a bar for each number, "" when all are 0. It is as wide as it can become, so
// that the columns of the list stay.
func spark(numbers []float64) string {
	if !slices.ContainsFunc(numbers, func(n float64) bool { return n > 0 }) {
		return ""
	}
	return strings.Repeat(" ", max(sparkWidth-len(numbers), 0)) + bars(numbers)
}

// detailLines returns what is known of the selected session. The end of its trail is shown.
func (t *top) detailLines() []string {
	if t.detail.session.ID == 0 {
		return []string{"asking…"}
	}
	to := t.to
	var b bytes.Buffer
	to.out, to.width = &b, t.width
	split := func() []string {
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		b.Reset()
		return lines
	}
	if err := showFacts(&to, &t.detail.session, t.detail.connections, t.detail.trail); err != nil {
		return []string{err.Error()}
	}
	head := append(split(), "")
	if err := showTrail(&to, t.detail.trail); err != nil {
		return []string{err.Error()}
	}
	trail := split()
	// The newest records are shown, below what the session is.
	room := max(t.height-3, 1)
	head = head[:min(len(head), max(room-leastTrail, 0))]
	return append(head, trail[max(0, len(trail)-(room-len(head))):]...)
}

// leastTrail is how many lines of a session's trail are shown at least.
const leastTrail = 2

// foot returns the last line: what is asked, what went wrong, or the keys.
func (t *top) foot() string {
	switch {
	case t.mode == modeHelp:
		return "any key: back"
	case t.mode == modeKill:
		return fmt.Sprintf("End session %d? Reason: %s_   (enter: end it, esc: leave it)", t.victim, table.Escape(t.reason))
	case t.mode == modeFilter && t.wrong != "":
		return fmt.Sprintf("/%s_   (%s)", table.Escape(t.filter), t.wrong)
	case t.mode == modeFilter:
		return fmt.Sprintf("/%s_   (user= service= server= address= database= activity=; enter: done, esc: none)", table.Escape(t.filter))
	case t.gone != nil:
		return fmt.Sprintf("no answer for %s, trying again: %v", short(t.to.now().Sub(t.goneAt)), t.gone)
	case t.said != "":
		return t.said
	case t.mode == modeDetail:
		return "esc: back  k: end it  u: undo  q: quit"
	}
	return "enter: detail  /: filter  s: order  k: end  u: undo  p: pause  ?: help  q: quit"
}

// topHelp returns the lines of the help.
func topHelp() []string {
	return strings.Split(`gatebook top shows the live sessions, and asks the server every two seconds.

  up, down     select a session              enter   show it with its trail
  pgup, pgdn   a screen up or down           home, end   the first, the last
  s            another order                 /       filter, as below
  k            end the selected session,     u       take that back within 5 s
               with a reason
  p, space     pause, go on                  q       quit
  esc          back

A filter has the words of the API: user=jdoe service=orders address=10.0.0.0/8
server= database= program= source= activity=idle. A name alone is a user.

READS/S, WRITES/S and BYTES/S are those of the client's connection, and HISTORY
its bytes a second in the last answers, the highest bar for the most.
`, "\n")
}

// plainText returns the list as lines for a screen reader.
func (t *top) plainText() string {
	if t.gone != nil {
		return fmt.Sprintf("no answer: %v", t.gone)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d live sessions\n", t.to.now().In(t.to.zone).Format("15:04:05"), t.seen.live)
	for i := range t.seen.sessions {
		s := &t.seen.sessions[i]
		fmt.Fprintf(&b, "session %d, user %s, %s", s.ID, table.Escape(s.User), stateOf(s))
		if r := s.Rates; r != nil {
			fmt.Fprintf(&b, ", %.0f reads, %.0f writes and %.0f bytes a second", r.Reads, r.Writes, r.BytesRead+r.BytesWritten)
		}
		b.WriteString("\n")
	}
	return b.String()
}
