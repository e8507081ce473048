package render

import (
	"strconv"
	"strings"

	"gatebook/events"
)

// Validators identify a state of a resource, as RFC 9110 defines them in section 8.8.
type Validators struct {
	// Version is the sequence of the last change. Modified is when that was recorded, 0 when
	// there is no such time.
	Version  uint64
	Modified events.Time
	// History names the history of the log that the last change is of, where it was restored
	// before that; "" for the first one.
	History string
	// Observed counts the observations that are shown and not recorded; 0 when none are.
	Observed uint64
	// Opaque identifies the state of a resource that is not recorded; "" for others.
	Opaque string
}

// sequence returns the beginning of all entity tags of the state.
func (v Validators) sequence() string {
	if v.Opaque != "" {
		return v.Opaque
	}
	sequence := strconv.FormatUint(v.Version, 10)
	if v.History != "" {
		sequence += historyMark + v.History
	}
	return sequence
}

// historyMark is between a sequence and the history that it is of.
const historyMark = "-"

// tag returns the entity tag of the state as JSON, without its closing quote: the sequence,
// and the observations of the run of the server that process names.
func (v Validators) tag(process string) []byte {
	b := append([]byte{'"'}, v.sequence()...)
	if v.Observed > 0 {
		b = strconv.AppendUint(append(b, ';'), v.Observed, 10)
		b = append(append(b, '-'), process...)
	}
	return b
}

// Tags returns the entity tags of the representations of the state that the client may get:
// not compressed, and compressed. process names the run of the server, whose observations
// the state counts.
func (v Validators) Tags(process string, r Representation) []string {
	tag := string(append(append(v.tag(process), r.suffix()...), '"'))
	if r.Gzip {
		return []string{tag, zippedTag(tag)}
	}
	return []string{tag}
}

// entityTags is the value of If-Match or If-None-Match.
type entityTags struct {
	any  bool // the value is *
	tags []entityTag
}

// entityTag is an entity tag of such a value.
type entityTag struct {
	weak   bool
	opaque string // without its quotes
}

// sequence returns the beginning of the tag, which in this API is a sequence.
func (t entityTag) sequence() string {
	sequence, _, _ := strings.Cut(t.opaque, ";")
	return sequence
}

// parseTags returns the entity tags in the values of a header. It ignores all that follows
// the first malformed one.
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

// hasSequence reports whether a strong tag begins with that sequence, whatever form of the
// state it identifies.
func (e entityTags) hasSequence(want string) bool {
	for _, t := range e.tags {
		if !t.weak && t.sequence() == want {
			return true
		}
	}
	return e.any
}

// hasState reports whether a strong tag is of that state, whatever form of it it identifies. A
// sequence without a history is one of any history.
func (e entityTags) hasState(v Validators) bool {
	if e.hasSequence(v.sequence()) {
		return true
	}
	v.History = ""
	return e.hasSequence(v.sequence())
}

// has reports whether a tag, in its quotes, is among the tags, weak or strong.
func (e entityTags) has(tag string) bool {
	for _, t := range e.tags {
		if len(tag) == len(t.opaque)+2 && tag[1:len(tag)-1] == t.opaque {
			return true
		}
	}
	return e.any
}
