package httpd

import (
	"errors"
	"net/http"
	"time"
)

// errNotModified: the client has the answer already.
var errNotModified = errors.New("not modified")

// conditions are those of a request, as RFC 9110 defines them in section 13.
type conditions struct {
	ifMatch, ifNoneMatch               *entityTags // nil when they are not there
	ifModifiedSince, ifUnmodifiedSince *time.Time
}

// conditionsOf are the conditions of a request; nil when it has none.
func conditionsOf(r *http.Request) *conditions {
	match, noneMatch := r.Header["If-Match"], r.Header["If-None-Match"]
	modifiedSince, unmodifiedSince := r.Header["If-Modified-Since"], r.Header["If-Unmodified-Since"]
	if match == nil && noneMatch == nil && modifiedSince == nil && unmodifiedSince == nil {
		return nil
	}
	return &conditions{
		ifMatch: tagsOf(match), ifNoneMatch: tagsOf(noneMatch),
		ifModifiedSince: dateOf(modifiedSince), ifUnmodifiedSince: dateOf(unmodifiedSince),
	}
}

func tagsOf(values []string) *entityTags {
	if values == nil {
		return nil
	}
	return new(parseTags(values))
}

// dateOf reads a date. What is none is as if it were not there.
func dateOf(values []string) *time.Time {
	if len(values) != 1 {
		return nil
	}
	date, err := http.ParseTime(values[0])
	if err != nil {
		return nil
	}
	return &date
}

// allow refuses a request for a state that is not, or no longer, there.
func (c *conditions) allow(v validators) error {
	switch {
	case c.ifMatch != nil:
		if !c.ifMatch.hasSequence(v.sequence()) {
			return preconditionFailed("If-Match", v)
		}
	case c.ifUnmodifiedSince != nil && v.modified != 0 && v.observed == 0:
		if v.modified.Time().Truncate(time.Second).After(*c.ifUnmodifiedSince) {
			return preconditionFailed("If-Unmodified-Since", v)
		}
	}
	return nil
}

// allowChange is allow for a request that changes something.
func (c *conditions) allowChange(v validators) error {
	if err := c.allow(v); err != nil {
		return err
	}
	if c.ifNoneMatch != nil && c.ifNoneMatch.hasSequence(v.sequence()) {
		return preconditionFailed("If-None-Match", v)
	}
	return nil
}

// known is the one of the tags of a state's representations that the client has,
// "" when it has none of them.
func (c *conditions) known(tags []string, v validators, now time.Time) string {
	if c.ifNoneMatch != nil {
		for _, tag := range tags {
			if c.ifNoneMatch.has(tag) {
				return tag
			}
		}
		return ""
	}
	if c.ifModifiedSince == nil || v.modified == 0 || v.observed > 0 {
		return ""
	}
	modified := v.modified.Time().Truncate(time.Second)
	// In the second in which it changed it may change again.
	if modified.After(*c.ifModifiedSince) || !modified.Before(now.Truncate(time.Second)) {
		return ""
	}
	return tags[0]
}

func preconditionFailed(field string, v validators) error {
	long := "The condition " + field + ` does not hold: the entity tag is "` + v.sequence() + `" now`
	if v.modified != 0 {
		long += ", and the last change was on " + v.modified.Time().UTC().Format(http.TimeFormat)
	}
	return &failure{
		status: http.StatusPreconditionFailed, short: "Precondition failed",
		long: long + ". Nothing was done.",
	}
}
