package main

import (
	"context"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/alecthomas/kong"

	"gatebook/httpd/client"
)

// RunAt runs the program as if it were on a terminal of that width, 0 for none, at a time in
// a zone, and returns its exit status.
func RunAt(ctx context.Context, args []string, stdout, stderr io.Writer, width int, color bool, now time.Time, zone *time.Location) int {
	return run(ctx, args, &streams{out: stdout, err: stderr, width: width, color: color, now: func() time.Time { return now }, zone: zone})
}

// Commands returns the arguments that name each command.
func Commands() (all [][]string) {
	app, err := kong.New(&commands{}, kong.Name("gatebook"), kong.Vars{"default_url": defaultURL})
	if err != nil {
		panic(err)
	}
	for _, node := range commandNodes(app.Model.Node) {
		all = append(all, strings.Fields(node.FullPath())[1:])
	}
	return all
}

// RunIn runs the program as [RunAt] does, with a configuration folder.
func RunIn(ctx context.Context, args []string, stdout, stderr io.Writer, width int, now time.Time, zone *time.Location, config string) int {
	return run(ctx, args, &streams{out: stdout, err: stderr, width: width, now: func() time.Time { return now }, zone: zone, config: config})
}

// RunPausing runs the program without a terminal, and takes a server for stopped that sends nothing for a time
// in the middle of an answer.
func RunPausing(ctx context.Context, args []string, stdout, stderr io.Writer, pause time.Duration) int {
	return run(ctx, args, &streams{out: stdout, err: stderr, now: time.Now, zone: time.UTC, pause: pause})
}

// Top is the live view under test, without a terminal.
type Top struct{ t *top }

// NewTop returns the live view of a server on a terminal of that size, at a time in a zone.
func NewTop(ctx context.Context, server *client.Client, width, height int, now func() time.Time, zone *time.Location) Top {
	t := newTop(ctx, server, &streams{width: width, now: now, zone: zone})
	t.explain = func(err error) error { return new(remoteFlags).explain(server, err) }
	x := Top{t: t}
	x.Resize(width, height)
	return x
}

// Resize changes the size of the terminal.
func (x Top) Resize(width, height int) { x.update(tea.WindowSizeMsg{Width: width, Height: height}) }

// Refresh asks the server, as each tick does.
func (x Top) Refresh() { x.run(x.t.ask()) }

// Press presses keys: names of keys, or text that is typed.
func (x Top) Press(keys ...string) {
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "backspace": tea.KeyBackspace, "pgdown": tea.KeyPgDown, "end": tea.KeyEnd}
	for _, key := range keys {
		if code, ok := special[key]; ok {
			x.update(tea.KeyPressMsg{Code: code})
			continue
		}
		for _, r := range key {
			x.update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
}

// Screen returns what is drawn.
func (x Top) Screen() string { return x.t.screen() + "\n" }

// update gives the view a message, and does what it asks for at once.
func (x Top) update(m tea.Msg) {
	_, do := x.t.Update(m)
	x.run(do)
}

// run does what the view asks for.
func (x Top) run(do tea.Cmd) {
	if do == nil {
		return
	}
	switch m := do().(type) {
	case tea.BatchMsg:
		for _, one := range m {
			x.run(one)
		}
	default:
		x.update(m)
	}
}
