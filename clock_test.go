package gatebook

import (
	"testing"
	"time"

	"gatebook/events"
)

// TestClockBehind sets the clock back behind the last record, and forward again.
func TestClockBehind(t *testing.T) {
	t.Parallel()
	var c clockWatch
	last := time.Date(2096, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		now      time.Time
		reported bool
		behind   time.Duration
	}{
		{last.Add(time.Second), false, 0},
		{last.Add(-time.Second), false, 0},
		{last.Add(-time.Hour), true, time.Hour},
		{last.Add(-time.Hour + time.Second), false, time.Hour - time.Second},
		{last, false, 0},
		{last.Add(-2 * time.Hour), true, 2 * time.Hour},
	} {
		if err := c.check(step.now, events.TimeOf(last)); (err != nil) != step.reported || c.read() != step.behind {
			t.Errorf("step %d: got %v, behind by %v; want reported %t, behind by %v", i, err, c.read(), step.reported, step.behind)
		}
	}
	if err := c.check(last, 0); err != nil {
		t.Errorf("an empty log: %v", err)
	}
}

// TestClockJumps sets the clock ahead while a second passes. It is not reported that it is set
// back, or is a little fast.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	var c clockWatch
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		now      time.Time
		reported bool
	}{
		{at, false},
		{at.Add(time.Second), false},
		{at.Add(30 * time.Second), false},
		{at.AddDate(70, 0, 0), true},
		{at.AddDate(70, 0, 0).Add(time.Second), false},
		{at, false},
	} {
		if err := c.jumped(step.now, time.Second); (err != nil) != step.reported {
			t.Errorf("step %d: got %v, want reported %t", i, err, step.reported)
		}
	}
	if err := new(clockWatch).jumped(at, time.Hour); err != nil {
		t.Errorf("the first time: %v", err)
	}
}
