package render

import (
	"net/http"
	"time"
)

// Conditions holds the conditions of a request, as RFC 9110 defines them in section 13.
type Conditions struct {
	ifMatch, ifNoneMatch               *entityTags // nil when the header is absent
	ifModifiedSince, ifUnmodifiedSince *time.Time
}

// ConditionsOf returns the conditions in a request's headers, nil when there are none.
func ConditionsOf(header http.Header) *Conditions {
	match, noneMatch := header["If-Match"], header["If-None-Match"]
	modifiedSince, unmodifiedSince := header["If-Modified-Since"], header["If-Unmodified-Since"]
	if match == nil && noneMatch == nil && modifiedSince == nil && unmodifiedSince == nil {
		return nil
	}
	return &Conditions{
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

// dateOf returns the date in the values of a header, nil when there is no valid one.
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

// Allow refuses a request that asks for another state than the present one. Errors: a
// [*Failure].
func (c *Conditions) Allow(v Validators) error {
	switch {
	case c.ifMatch != nil:
		if !c.ifMatch.hasState(v) {
			return preconditionFailed("If-Match", v)
		}
	case c.ifUnmodifiedSince != nil && v.Modified != 0 && v.Observed == 0:
		if v.Modified.Time().Truncate(time.Second).After(*c.ifUnmodifiedSince) {
			return preconditionFailed("If-Unmodified-Since", v)
		}
	}
	return nil
}

// AllowChange refuses a request that changes something and asks for another state than the
// present one. Errors: a [*Failure].
func (c *Conditions) AllowChange(v Validators) error {
	if err := c.Allow(v); err != nil {
		return err
	}
	if c.ifNoneMatch != nil && c.ifNoneMatch.hasState(v) {
		return preconditionFailed("If-None-Match", v)
	}
	return nil
}

// NotModified returns the entity tag of the representation that the client has already, "" when
// the answer has to be sent. tags are those of the representations of the state.
func (c *Conditions) NotModified(tags []string, v Validators, now time.Time) string {
	if c.ifNoneMatch != nil {
		for _, tag := range tags {
			if c.ifNoneMatch.has(tag) {
				return tag
			}
		}
		return ""
	}
	if c.ifModifiedSince == nil || v.Modified == 0 || v.Observed > 0 {
		return ""
	}
	modified := v.Modified.Time().Truncate(time.Second)
	// A date has whole seconds: the state may change again in the second of its last change.
	if modified.After(*c.ifModifiedSince) || !modified.Before(now.Truncate(time.Second)) {
		return ""
	}
	return tags[0]
}

func preconditionFailed(field string, v Validators) error {
	long := "The condition " + field + ` does not hold: the entity tag is "` + v.sequence() + `" now`
	if v.Modified != 0 {
		long += ", and the last change was on " + v.Modified.Time().UTC().Format(http.TimeFormat)
	}
	return &Failure{
		Status: http.StatusPreconditionFailed, Title: "Precondition failed",
		Description: long + ". Nothing was done.",
	}
}
