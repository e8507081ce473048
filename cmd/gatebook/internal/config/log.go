package config

import (
	"errors"
	"fmt"
	"time"
)

const (
	// leastSegment and mostSegment bound the size of a segment. A smaller one makes more files
	// than a system likes, a larger one takes four times its size of address space.
	leastSegment = 1 << 20
	mostSegment  = 16 << 30
	// leastScrub and mostScrub bound how long the log is read through.
	leastScrub = time.Minute
	mostScrub  = 365 * 24 * time.Hour
)

// Log is how the log is kept.
type Log struct {
	// SegmentBytes is the size at which a segment is complete; nil stands for the default.
	SegmentBytes *int `toml:"segment_bytes"`
	// ScrubPeriod is how long the log is read through in the background, again and again.
	ScrubPeriod Duration `toml:"scrub_period"`
}

// check returns what is out of bounds.
func (l Log) check() error {
	var all []error
	if b := l.SegmentBytes; b != nil && (*b < leastSegment || *b > mostSegment) {
		all = append(all, fmt.Errorf("log.segment_bytes is %d, it can be %d (1 MiB) to %d (16 GiB); leave it out for 256 MiB", *b, leastSegment, mostSegment))
	}
	if p := l.ScrubPeriod.Or(leastScrub); p < leastScrub || p > mostScrub {
		all = append(all, fmt.Errorf("log.scrub_period is %s, it can be \"1m\" to \"365d\"; leave it out for a week", p))
	}
	return errors.Join(all...)
}

// Segment returns the size of a segment, 0 for the default.
func (l Log) Segment() int64 { return int64(valueOr(l.SegmentBytes, 0)) }
