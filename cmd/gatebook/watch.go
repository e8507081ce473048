package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"
)

// watchInterval is how often --watch shows its answer again.
const watchInterval = 2 * time.Second

// watch shows what show prints, again and again until ctx ends. On a terminal each answer is
// drawn over the one before in one piece, so that it does not flicker.
func watch(ctx context.Context, to *streams, show func(*streams) error) error {
	for first := true; ; first = false {
		var page bytes.Buffer
		into := *to
		into.out = &page
		if err := show(&into); err != nil {
			if ctx.Err() != nil {
				return nil // as it does between two answers
			}
			return err
		}
		if err := draw(to, page.String(), first); err != nil {
			return err
		}
		select {
		case <-time.After(watchInterval):
		case <-ctx.Done():
			return nil
		}
	}
}

// draw prints an answer: on a terminal in the place of the one before.
func draw(to *streams, page string, first bool) error {
	if to.width > 0 {
		const home, clearLine, clearBelow = "\x1b[H", "\x1b[K", "\x1b[J"
		page = home + strings.ReplaceAll(page, "\n", clearLine+"\n") + clearBelow
		if first {
			page = "\x1b[2J" + page
		}
	}
	_, err := io.WriteString(to.out, page)
	return err
}
