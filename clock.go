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
type clockWatch struct{ behind atomic.Int64 }

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

// read returns how far the clock stands before the last record; 0 within the tolerance.
func (c *clockWatch) read() time.Duration { return time.Duration(c.behind.Load()) }

// checkClock reports that the clock stands before the last record, once.
func (r *Registry) checkClock() {
	if err := r.clock.check(r.options.Now(), r.log.Head().Recorded); err != nil {
		r.options.Report(err)
	}
}
