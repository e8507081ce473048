package main

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// press does what a key means.
func (t *top) press(k tea.KeyPressMsg) tea.Cmd {
	key := k.String()
	if key == "ctrl+c" {
		return tea.Quit
	}
	switch t.mode {
	case modeFilter:
		return t.pressFilter(key, k.Text)
	case modeKill:
		return t.pressKill(key, k.Text)
	case modeHelp:
		t.mode = modeList
		return nil
	}
	switch key {
	case "q":
		return tea.Quit
	case "?":
		t.mode = modeHelp
	case "esc", "backspace", "left":
		t.mode = modeList
	case "enter", "right":
		if t.selected != 0 {
			t.mode, t.detail = modeDetail, topDetail{}
			return t.ask()
		}
	case "k":
		if t.selected != 0 {
			t.mode, t.victim, t.reason, t.said = modeKill, t.selected, "", ""
		}
	case "u":
		return t.withdraw()
	case "p", "space":
		t.paused = !t.paused
	case "s":
		t.order = (t.order + 1) % len(topOrders())
		return t.ask()
	case "/":
		t.mode, t.said = modeFilter, ""
	case "up":
		t.move(-1)
	case "down", "j":
		t.move(1)
	case "home":
		t.move(-len(t.seen.sessions))
	case "end":
		t.move(len(t.seen.sessions))
	}
	return nil
}

// move selects another session.
func (t *top) move(by int) {
	if len(t.seen.sessions) == 0 || t.mode != modeList {
		return
	}
	i := min(max(t.index()+by, 0), len(t.seen.sessions)-1)
	t.selected = t.seen.sessions[i].ID
}

// edited returns a text after a key was pressed in it.
func edited(text, key, typed string) string {
	switch {
	case key == "backspace":
		_, size := utf8.DecodeLastRuneInString(text)
		return text[:len(text)-size]
	case key == "ctrl+u":
		return ""
	}
	return text + typed
}

// pressFilter edits the filter, which holds as far as it can be read.
func (t *top) pressFilter(key, typed string) tea.Cmd {
	switch key {
	case "enter":
		t.mode = modeList
		return nil
	case "esc":
		t.mode, t.filter = modeList, ""
	default:
		t.filter = edited(t.filter, key, typed)
	}
	q, err := readFilter(t.filter)
	if err != nil {
		t.wrong = err.Error()
		return nil
	}
	t.query, t.wrong = q, ""
	return t.ask()
}

// pressKill edits the reason of a kill. Enter confirms it.
func (t *top) pressKill(key, typed string) tea.Cmd {
	switch key {
	case "enter":
		t.mode = modeList
		return t.kill()
	case "esc":
		t.mode, t.said = modeList, "nothing was done"
	default:
		t.reason = edited(t.reason, key, typed)
	}
	return nil
}
