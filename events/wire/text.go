package wire

import (
	"strings"
	"unicode/utf8"
)

// Limits of a text from outside, in bytes, the mark of a cut included.
const (
	TextLimit     = 256
	LongTextLimit = 1024
)

// cutMark ends a text that was cut: U+2026, the ellipsis.
const cutMark = "\u2026"

// CleanText replaces invalid UTF-8 by U+FFFD and cuts what is longer than limit
// bytes at a rune, ending it in an ellipsis. A clean text is returned as it is.
func CleanText(s string, limit int) string {
	if !utf8.ValidString(s) {
		// Only so much can matter: a hostile text must not be copied whole.
		if len(s) > 4*limit {
			s = s[:4*limit]
		}
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= limit {
		return s
	}
	end := limit - len(cutMark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cutMark
}

// Strings keeps one copy of each text that a decoder meets often: names of
// services, users, servers. It holds at most a fixed number of texts; the zero
// value is ready, a nil one shares nothing. It is not safe for concurrent use.
type Strings struct {
	seen map[string]string
}

const (
	maxShared     = 1 << 16
	maxSharedSize = 64
)

// Text returns b as a string, shared with earlier equal ones.
func (s *Strings) Text(b []byte) string {
	if s == nil || len(b) > maxSharedSize {
		return string(b)
	}
	if t, ok := s.seen[string(b)]; ok {
		return t
	}
	if s.seen == nil || len(s.seen) >= maxShared {
		s.seen = make(map[string]string)
	}
	t := string(b)
	s.seen[t] = t
	return t
}
