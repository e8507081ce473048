package wire

import "unicode/utf8"

// The limits of a text from outside, in bytes, including the mark of a cut.
const (
	TextLimit     = 256
	LongTextLimit = 1024
)

// cutMark ends a text that was cut: U+2026, the ellipsis.
const cutMark = "\u2026"

// CleanText replaces each run of invalid UTF-8 by one U+FFFD, and cuts the result to
// limit bytes at a rune, with an ellipsis at its end. A clean text is returned as it
// is. Of a long text no more is copied than is kept.
func CleanText(s string, limit int) string {
	if len(s) <= limit && utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, limit+utf8.UTFMax)
	keep := 0 // the length of b that is kept if the mark must follow
	for broken := false; s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		again := broken
		if broken = r == utf8.RuneError && size == 1; broken && again {
			continue
		}
		if b = utf8.AppendRune(b, r); len(b) > limit {
			return string(b[:keep]) + cutMark
		}
		if len(b)+len(cutMark) <= limit {
			keep = len(b)
		}
	}
	return string(b)
}

// Strings keeps one copy of each frequent text: names of services, users, servers. It
// holds a limited number of texts, and of handles. The zero value is ready for use; a nil one shares
// nothing. It is not safe for concurrent use.
type Strings struct {
	seen    map[string]string
	handles map[handleKey]any // see [Handle]
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
