package gatebook

import (
	"fmt"
	"sync/atomic"
	"time"

	"gatebook/events"
)

// clockTolerance is how far the clock may stand before the last record without a word:
// clocks are set back by less in ordinary use.
const clockTolerance = time.Minute

// clockWatch notices that the clock stands before the time of the last record: it was ahead
// when that was made, or has been set back. Records never go back in time, so that all get
// that time until the clock has passed it.
type clockWatch struct {
	behind atomic.Int64
	// before is the time, and checked the reading of a clock that does not jump, when it was
	// checked last. They belong to the goroutine that checks.
	before, checked time.Time
}

// check compares the clock with the last record, and returns an error when it is found to be
// behind, and nil until it was right again.
func (c *clockWatch) check(now time.Time, last events.Time) error {
	behind := last.Time().Sub(now)
	if last == 0 || behind < clockTolerance {
		c.behind.Store(0)
		return nil
	}
	if c.behind.Swap(int64(behind)) != 0 {
		return nil
	}
	return fmt.Errorf("the clock stands at %s, and the last record was made at %s: what is recorded gets that time until the clock has passed it; "+
		"set the clock, or find out why it was ahead", now.UTC().Format(time.RFC3339), last.Time().UTC().Format(time.RFC3339))
}

// jumped returns an error where the clock has advanced by more than the time that has passed
// since the call before: what is recorded with a wrong time keeps it for ever.
func (c *clockWatch) jumped(now time.Time, passed time.Duration) error {
	before := c.before
	c.before = now.Round(0) // without the reading of the clock that does not jump
	if before.IsZero() {
		return nil
	}
	ahead := c.before.Sub(before) - passed
	if ahead < clockTolerance {
		return nil
	}
	return fmt.Errorf("the clock jumped ahead by %s to %s: what is recorded gets that time, and so does everything later, until a clock that is set back has passed it; "+
		"set it back now if it is wrong (that of a machine which slept jumps too)", ahead.Round(time.Second), now.UTC().Format(time.RFC3339))
}

// read returns how far the clock stands before the last record; 0 within the tolerance.
func (c *clockWatch) read() time.Duration { return time.Duration(c.behind.Load()) }

// ClockBehind returns how far the clock stands before the last record, as it was a second ago at most;
// 0 where it does not, or by less than a minute.
func (r *Registry) ClockBehind() time.Duration { return r.clock.read() }

// checkClock reports that the clock stands before the last record, once, and that the system's
// jumped.
func (r *Registry) checkClock() {
	passed := time.Since(r.clock.checked)
	r.clock.checked = time.Now()
	if r.options.systemClock {
		if err := r.clock.jumped(r.options.Now(), passed); err != nil {
			r.options.Report(err)
		}
	}
	if err := r.clock.check(r.options.Now(), r.log.Head().Recorded); err != nil {
		r.options.Report(err)
	}
}
