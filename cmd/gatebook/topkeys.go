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
	t.said = ""
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
		t.order, t.first = (t.order+1)%len(topOrders()), 0
		return t.ask()
	case "/":
		t.mode, t.said = modeFilter, ""
	case "up":
		return t.move(-1)
	case "down", "j":
		return t.move(1)
	case "pgup":
		return t.move(-t.rows())
	case "pgdown":
		return t.move(t.rows())
	case "home":
		return t.move(-int(t.seen.total))
	case "end":
		return t.move(int(t.seen.total))
	}
	return nil
}

// move selects another session of the list. Where it is not visible, the server is asked for
// the rows around it.
func (t *top) move(by int) tea.Cmd {
	if len(t.seen.sessions) == 0 || t.mode != modeList {
		return nil
	}
	at := t.seen.first + max(t.index(), 0)
	if t.want >= 0 { // the answer to a former key is still to come
		at = t.first + t.want
	}
	at = min(max(at+by, 0), max(int(t.seen.total)-1, 0))
	if row := at - t.seen.first; t.want < 0 && row >= 0 && row < len(t.seen.sessions) {
		t.selected = t.seen.sessions[row].ID
		return nil
	}
	rows := t.rows()
	switch {
	case by == -1:
		t.first = at
	case by == 1:
		t.first = max(at-rows+1, 0)
	default: // by a screen or more: the selected row keeps its place on the screen
		t.first = min(max(t.first+by, 0), max(int(t.seen.total)-rows, 0))
	}
	t.want = at - t.first
	return t.ask()
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
	t.query, t.wrong, t.first = q, "", 0
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
