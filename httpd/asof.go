package httpd

import (
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// history is what the API reads of the times of records.
type history interface {
	SequenceAt(t time.Time) (uint64, error)
	RecordedAt(sequence uint64) (time.Time, error)
	GapAt(t time.Time) (gatebook.Gap, bool, error)
	present
}

// asOf is the moment that an answer is of.
type asOf struct {
	// sequence is that of the last record the answer reflects; 0 is now.
	sequence uint64
	recorded events.Time
	// now is the end of spans of time that have not ended.
	now events.Time
	// before is set when there was no record yet.
	before bool
	// gap is the time without a registry that the moment lies in, "" for none.
	gap string
}

// members returns the members that an answer as of the moment has besides those that are
// asked for.
func (a asOf) members() []string {
	if a.gap == "" {
		return nil
	}
	return []string{memberGap}
}

// resolve returns the moment that the parameter at asks for: now when it is not given. It
// writes the header that names the gap in which the moment lies, if it lies in one.
func resolve(c *gin.Context, read history, at params.Instant) (asOf, error) {
	if !at.Given {
		return asOf{now: events.TimeOf(read.Now())}, nil
	}
	at = at.On(events.TimeOf(read.Now()))
	if at.Sequence != 0 {
		if head := read.Moment().Sequence; at.Sequence > head {
			return asOf{}, params.Invalid("at=%d is a record still to come: the last one is %d.", at.Sequence, head)
		}
		when, err := read.RecordedAt(at.Sequence)
		recorded := events.TimeOf(when)
		return asOf{sequence: at.Sequence, recorded: recorded, now: recorded}, err
	}
	if now := events.TimeOf(read.Now()); at.Time > now {
		return asOf{}, params.Invalid("at=%s is still to come: it is %s now.", render.TimeText(at.Time), render.TimeText(now))
	}
	gap, found, err := read.GapAt(at.Time.Time())
	if err != nil {
		return asOf{}, err
	}
	then := asOf{now: at.Time}
	if found {
		then.gap = gapText(gap)
		c.Header(headerGap, then.gap)
	}
	then.sequence, err = read.SequenceAt(at.Time.Time())
	if err != nil || then.sequence == 0 {
		then.before = true
		return then, err
	}
	recorded, err := read.RecordedAt(then.sequence)
	then.recorded = events.TimeOf(recorded)
	return then, err
}

// of returns the moment of an answer, given the registry's present one.
func (a asOf) of(present projection.Moment) projection.Moment {
	if a.sequence == 0 && !a.before {
		return present
	}
	return projection.Moment{Sequence: a.sequence, Recorded: a.recorded, Sessions: projection.Change{Sequence: a.sequence, Recorded: a.recorded}}
}

// gapText returns a gap as an interval of ISO 8601, whose beginning may be open.
func gapText(gap gatebook.Gap) string {
	from := ".."
	if !gap.From.IsZero() {
		from = render.TimeText(events.TimeOf(gap.From))
	}
	return from + "/" + render.TimeText(events.TimeOf(gap.To))
}
