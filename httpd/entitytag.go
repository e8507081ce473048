package httpd

import (
	"strconv"
	"strings"

	"gatebook/events"
)

// validators tell one state of a resource from another.
type validators struct {
	// version is the sequence of its last change, modified when that was recorded.
	version  uint64
	modified events.Time
	// observed counts what is shown without being recorded; 0 where nothing is.
	observed uint64
	// opaque is what tells the states apart of what is not in the book.
	opaque string
}

// sequence is what all entity tags of the state begin with.
func (v validators) sequence() string {
	if v.opaque != "" {
		return v.opaque
	}
	return strconv.FormatUint(v.version, 10)
}

// tag is the entity tag of the state as JSON, without its closing quote: the
// sequence, and what was observed in the run of this server that process names.
func (v validators) tag(process string) []byte {
	b := append([]byte{'"'}, v.sequence()...)
	if v.observed > 0 {
		b = strconv.AppendUint(append(b, ';'), v.observed, 10)
		b = append(append(b, '-'), process...)
	}
	return b
}

// entityTags is the value of If-Match or If-None-Match.
type entityTags struct {
	any  bool // it is *
	tags []entityTag
}

// entityTag is one of a list.
type entityTag struct {
	weak   bool
	opaque string // without its quotes
}

// sequence is what a tag of this API begins with.
func (t entityTag) sequence() string {
	sequence, _, _ := strings.Cut(t.opaque, ";")
	return sequence
}

// parseTags reads a list of entity tags, whose header may come several times. What
// follows something that is no entity tag is not read: it matches nothing.
func parseTags(values []string) entityTags {
	text := strings.Join(values, ",")
	if strings.Trim(text, " \t") == "*" {
		return entityTags{any: true}
	}
	var all entityTags
	for {
		text = strings.TrimLeft(text, " \t,")
		var t entityTag
		text, t.weak = strings.CutPrefix(text, "W/")
		rest, quoted := strings.CutPrefix(text, `"`)
		opaque, after, closed := strings.Cut(rest, `"`)
		if !quoted || !closed || strings.ContainsFunc(opaque, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return all
		}
		t.opaque = opaque
		all.tags = append(all.tags, t)
		text = strings.TrimLeft(after, " \t")
		if text != "" && text[0] != ',' {
			return all
		}
	}
}

// hasSequence tells whether one of the tags begins with that, whichever form of the
// state it is of. Weak tags are of none.
func (e entityTags) hasSequence(want string) bool {
	for _, t := range e.tags {
		if !t.weak && t.sequence() == want {
			return true
		}
	}
	return e.any
}

// has tells whether a tag, in its quotes, is one of them, weak or not.
func (e entityTags) has(tag string) bool {
	for _, t := range e.tags {
		if len(tag) == len(t.opaque)+2 && tag[1:len(tag)-1] == t.opaque {
			return true
		}
	}
	return e.any
}
