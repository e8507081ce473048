package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatebook/httpd/client"
)

// topInterval is how often top asks the server.
const topInterval = 2 * time.Second

// killDelay is how long a kill of top can be withdrawn.
const killDelay = 5 * time.Second

// topCommand are the arguments of top.
type topCommand struct {
	Remote remoteFlags `embed:""`
	Plain  bool        `help:"Print lines without drawing a screen, for screen readers and for logs."`
}

// Help returns what --help adds.
func (topCommand) Help() string {
	return `The live sessions, the busiest first, as they change: what they do now, in total and each, and how they have been. ? shows the keys.

Examples:
  gatebook top
  gatebook top --plain`
}

// Run shows the live sessions until q or Ctrl-C.
func (c *topCommand) Run(ctx context.Context, to *streams) error {
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		top := newTop(ctx, server, to)
		top.explain = func(err error) error { return c.Remote.explain(server, err) }
		if c.Plain {
			return top.printPlain(to.out)
		}
		if to.width == 0 {
			return errors.New("top draws a screen and wants a terminal; --plain prints lines")
		}
		_, err := tea.NewProgram(top, tea.WithContext(ctx), tea.WithOutput(to.out)).Run()
		if errors.Is(err, tea.ErrInterrupted) || ctx.Err() != nil {
			return nil
		}
		return err
	})
}

// topMode is what the keys mean.
type topMode uint8

const (
	modeList topMode = iota
	modeFilter
	modeDetail
	modeKill
	modeHelp
)

// top is the state of the live view. It belongs to the goroutine of the program; what it
// asks the server comes back as messages.
type top struct {
	ctx     context.Context //nolint:containedctx // bubbletea gives its models none
	server  *client.Client
	explain func(error) error
	to      streams // without an output: what is formatted is returned

	width, height int
	mode          topMode
	order         int // of topOrders
	first         int // the position in the list from which the server is asked
	want          int // the row to select when the answer comes, -1 for the session that is selected
	paused        bool
	filter        string
	query         client.Query // of the filter
	wrong         string       // what is wrong with the filter

	asked    int // the number of the newest question
	seen     topSample
	gone     error // why the server does not answer, nil while it does
	goneAt   time.Time
	history  map[uint64][]float64 // bytes a second, the newest last
	selected uint64
	detail   topDetail
	reason   string // of the kill that is being typed
	victim   uint64
	said     string // the outcome of the last action
}

// topOrder is an order of the list.
type topOrder struct{ key, name string }

// topOrders are the orders, in the sequence in which s goes through them.
func topOrders() []topOrder {
	return []topOrder{{"-rate", "rate"}, {"idle", "least idle"}, {"-idle", "most idle"}, {"opened", "oldest"}, {"-opened", "newest"}, {"user", "user"}}
}

// newTop returns the live view of a server.
func newTop(ctx context.Context, server *client.Client, to *streams) *top {
	t := &top{
		ctx: ctx, server: server, to: *to, width: to.width, height: 24, history: make(map[uint64][]float64),
		explain: func(err error) error { return err }, want: -1,
	}
	t.to.out, t.to.err = nil, nil
	return t
}

// Init asks the server for the first time. It implements [tea.Model].
func (t *top) Init() tea.Cmd { return tea.Batch(t.ask(), t.tick()) }

// Update takes a message. It implements [tea.Model].
func (t *top) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case tea.WindowSizeMsg:
		t.width, t.height = m.Width, m.Height
		return t, t.ask()
	case tea.KeyPressMsg:
		return t, t.press(m)
	case topTick:
		if t.paused {
			return t, t.tick()
		}
		return t, tea.Batch(t.ask(), t.tick())
	case topSample:
		t.take(m)
	case topDetail:
		if m.err == nil && m.session.ID == t.selected {
			t.detail = m
		}
	case topOutcome:
		t.said = m.text
		return t, t.ask()
	}
	return t, nil
}

// take takes an answer of the server. An answer to an older question is dropped.
func (t *top) take(m topSample) {
	if m.number != t.asked {
		return
	}
	if m.err != nil {
		if t.gone == nil {
			t.goneAt = t.to.now()
		}
		t.gone = t.explain(m.err)
		return
	}
	t.gone, t.seen = nil, m
	// The totals may take more lines than they did when the server was asked.
	m.sessions = m.sessions[:min(len(m.sessions), t.rows())]
	t.seen.sessions = m.sessions
	kept := make(map[uint64][]float64, len(m.sessions))
	for i := range m.sessions {
		s := &m.sessions[i]
		rate := 0.0
		if s.Rates != nil {
			rate = s.Rates.BytesRead + s.Rates.BytesWritten
		}
		past := append(t.history[s.ID], rate)
		kept[s.ID] = past[max(0, len(past)-sparkWidth):]
	}
	t.history = kept
	t.choose()
}

// choose selects a session of the answer: the row that is wanted, or the first one where the
// session that was selected is not there. A session that is looked into stays.
func (t *top) choose() {
	all := t.seen.sessions
	switch {
	case len(all) == 0 && t.first > 0: // they have become fewer
		t.first = max(int(t.seen.total)-t.rows(), 0)
	case len(all) == 0 || t.mode == modeDetail || t.mode == modeKill:
	case t.want >= 0:
		t.selected, t.want = all[min(t.want, len(all)-1)].ID, -1
	case t.index() < 0:
		t.selected = all[0].ID
	}
}

// index returns the place of the selected session in the list, -1 where it is not there.
func (t *top) index() int {
	for i := range t.seen.sessions {
		if t.seen.sessions[i].ID == t.selected {
			return i
		}
	}
	return -1
}

// printPlain prints the list again and again, without drawing.
func (t *top) printPlain(to io.Writer) error {
	t.to.width, t.height = 0, plainRows
	for {
		sample := t.sample(t.next())
		t.take(sample)
		if err := line(to, "%s", t.plainText()); err != nil {
			return err
		}
		select {
		case <-time.After(topInterval):
		case <-t.ctx.Done():
			return nil
		}
	}
}

// plainRows is how many lines --plain prints of a list at most.
const plainRows = 1000

// rows returns how many sessions fit the screen.
func (t *top) rows() int { return max(t.height-topFrame-len(t.seen.totals(t)), 1) }

// topFrame is how many lines of the screen are not sessions or totals: the title, a blank
// line, the header and the foot.
const topFrame = 5

// describe returns the outcome of an action.
func describe(text string, err error) topOutcome {
	if err != nil {
		text = err.Error()
	}
	return topOutcome{text: text}
}

// topOutcome is what became of an action.
type topOutcome struct{ text string }

// kill schedules the end of the victim, so that it can be withdrawn for a while.
func (t *top) kill() tea.Cmd {
	id, reason := t.victim, t.reason
	return func() tea.Msg {
		_, err := t.server.Kill(t.ctx, id, client.Kill{Reason: reason, TTL: killDelay})
		return describe(fmt.Sprintf("session %d ends in %s; u takes that back", id, short(killDelay)), t.explain(err))
	}
}

// withdraw withdraws the kill of the last victim.
func (t *top) withdraw() tea.Cmd {
	id := t.victim
	if id == 0 {
		return nil
	}
	return func() tea.Msg {
		return describe(fmt.Sprintf("session %d goes on", id), t.explain(t.server.Withdraw(t.ctx, id)))
	}
}
