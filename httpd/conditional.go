package httpd

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
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

// validate tells the client which state its answer is of, and returns an error
// when the request's conditions are such that there is nothing to send. It comes
// before the answer begins.
func (s *Server) validate(c *gin.Context, m projection.Moment, v validators) error {
	asked := conditionsOf(c.Request)
	if asked != nil {
		stamp(c, m.Sequence)
		if err := asked.allow(v); err != nil {
			return err
		}
	}
	now := s.registry.Now()
	tags := s.tags(c, v)
	header := c.Writer.Header()
	header["Cache-Control"] = s.cacheControl
	if asked != nil {
		if tag := asked.known(tags, v, now); tag != "" {
			header["Etag"] = []string{tag}
			return errNotModified
		}
	}
	header["Etag"] = tags[:1]
	if v.modified != 0 && v.observed == 0 {
		header["Last-Modified"] = []string{string(appendHTTPDate(nil, min(v.modified, events.TimeOf(now))))}
	}
	return nil
}

// tags are the entity tags of the representations of a state that the client may be
// given: as it is, and compressed.
func (s *Server) tags(c *gin.Context, v validators) []string {
	r := representationOf(c)
	tag := string(append(append(v.tag(s.process), r.suffix()...), '"'))
	if r.gzip {
		return []string{tag, zippedTag(tag)}
	}
	return []string{tag}
}

// only are the request's conditions for a change, asked when it is decided upon.
func only(r *http.Request) []gatebook.Condition {
	asked := conditionsOf(r)
	if asked == nil {
		return nil
	}
	return []gatebook.Condition{func(version uint64, modified time.Time) error {
		return asked.allowChange(validators{version: version, modified: events.TimeOf(modified)})
	}}
}

// shows tells whether a member that is not shown by default is asked for, whole or
// in part.
func (p *parameters) shows(member string) bool {
	for _, name := range p.fields {
		if name == "*" || name == member || strings.HasPrefix(name, member+".") {
			return true
		}
	}
	return false
}

// validatorsOf are those of a session; statistics tells that its counters are
// shown, which change more often than it does. That it is over can be shown before it is
// recorded.
func validatorsOf(v projection.View, statistics bool) validators {
	state := validators{version: v.Version, modified: v.Modified}
	if v.Over() || statistics && v.Observed != nil {
		state.observed = v.Observed.Count
	}
	return state
}

// validatorsOfAll are those of lists of sessions, of a moment that a listing gave: a change
// of any session of the services, servers or sources that were chosen moves them, whatever
// else chooses among those. They are right for no choice that depends on the clock.
func validatorsOfAll(m projection.Moment, statistics bool) validators {
	state := validators{version: m.Sessions.Sequence, modified: m.Sessions.Recorded}
	if statistics || m.Over > 0 {
		state.observed = m.Observations
	}
	return state
}

// latest are the validators of a list of things, of which each has its own.
func latest[T any](all []T, of func(T) validators) validators {
	var last validators
	for _, v := range all {
		if each := of(v); each.version > last.version {
			last = each
		}
	}
	return last
}
