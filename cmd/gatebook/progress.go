package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progressBar shows on a terminal how far a command is.
type progressBar struct {
	out   *os.File // nil where there is no terminal
	shown time.Time
}

// newProgressBar returns a bar for a stream, which shows nothing unless it is a terminal.
func newProgressBar(w any) *progressBar {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progressBar{out: f}
	}
	return &progressBar{}
}

const barWidth = 30

// show draws the bar of bytes anew, ten times a second at most.
func (p *progressBar) show(done, of int64) { p.draw(done, of, bytesText(of)) }

// showRecords draws the bar of records anew.
func (p *progressBar) showRecords(done, of uint64) {
	p.draw(int64(done), int64(of), counted(int(of), "record"))
}

// draw draws the bar anew. all is how much there is.
func (p *progressBar) draw(done, of int64, all string) {
	if p.out == nil || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = time.Now()
	full := int(barWidth * done / max(of, 1))
	fmt.Fprintf(p.out, "\r[%s%s] %3d %% of %s ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*done/max(of, 1), all)
}

// pace is [progressBar.show] for package storage.
func (p *progressBar) pace(done, of int64) error {
	p.show(done, of)
	return nil
}

// end removes the bar.
func (p *progressBar) end() {
	if p.out != nil {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", barWidth+30))
	}
}
