package main

import (
	"context"
	"errors"
	"fmt"

	"gatebook/storage"
)

// brokenOffError reports a command that has not finished, and what its user has now.
type brokenOffError struct {
	err  error
	left string // what is there, and how to go on; "" where that needs no words
}

func (e *brokenOffError) Error() string { return e.err.Error() + "; " + e.left }

// Unwrap returns why the command has not finished.
func (e *brokenOffError) Unwrap() error { return e.err }

// brokenOff adds to the error of a command what it has left, and how to go on, where a signal has interrupted
// it. It returns other errors as they are.
func brokenOff(err error, left string, about ...any) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return &brokenOffError{err: err, left: fmt.Sprintf(left, about...)}
}

// unfilled is brokenOff of a restore or an import into a folder.
func unfilled(err error, folder string) error {
	unfinished, ok := errors.AsType[*storage.UnusableError]((&storage.Folder{Path: folder}).CheckUsable())
	if !ok || unfinished.Backup {
		return brokenOff(err, "nothing was written into %s", folder)
	}
	return brokenOff(err, "%s is not filled, and no server starts there; run gatebook %s again", folder, unfinished.Command)
}

// isInterrupted reports whether an error is that of a command which a signal has interrupted, and returns the text
// that says so.
func isInterrupted(ctx context.Context, err error) (text string, is bool) {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return "", false
	}
	text = "interrupted"
	if left, ok := errors.AsType[*brokenOffError](err); ok && left.left != "" {
		text += "; " + left.left
	}
	return text, true
}
