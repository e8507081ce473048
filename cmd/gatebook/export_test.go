package main

import (
	"context"
	"io"
	"time"
)

// RunAt runs the program as if it were on a terminal of that width, 0 for none, at a time in
// a zone, and returns its exit status.
func RunAt(ctx context.Context, args []string, stdout, stderr io.Writer, width int, color bool, now time.Time, zone *time.Location) int {
	return run(ctx, args, &streams{out: stdout, err: stderr, width: width, color: color, now: func() time.Time { return now }, zone: zone})
}
