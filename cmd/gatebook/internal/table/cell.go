package table

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/width"
)

const (
	joiner     = '\u200d' // joins the characters beside it into one
	emojiStyle = '\ufe0f' // shows the character before it as a picture
	isolate    = "\u2068" // begins text whose direction does not matter to its neighbours
	isolateEnd = "\u2069"
	cutMark    = "…"
)

// Escape returns a text in which whatever could steer a terminal, or is no character, is
// shown as an escape.
func Escape(s string) string {
	if !strings.ContainsFunc(s, steers) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch _, size := utf8.DecodeRuneInString(s[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !steers(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// steers reports whether a character is a control character, ends a line, or changes the
// direction of writing.
func steers(r rune) bool {
	switch {
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c', r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.IsControl(r)
}

// Width returns how many columns of a terminal a text takes.
func Width(s string) int {
	n := 0
	walk(s, func(_, w int) bool {
		n += w
		return true
	})
	return n
}

// walk calls f with the end of each piece of a text that takes columns, and how many it
// takes, until f returns false.
func walk(s string, f func(end, columns int) bool) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		columns := columnsOf(r)
		for i < len(s) { // what belongs to the character
			next, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case next == emojiStyle:
				columns = 2
			case next == joiner:
				_, joined := utf8.DecodeRuneInString(s[i+size:])
				size += joined
			case isFlag(r) && isFlag(next):
				columns, r = 2, 0
			case !isMark(next):
				size = 0
			}
			if size == 0 {
				break
			}
			i += size
		}
		if !f(i, columns) {
			return
		}
	}
}

// columnsOf returns how many columns a character takes by itself.
func columnsOf(r rune) int {
	if isMark(r) || r == joiner {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// isMark reports whether a character is drawn over the one before it, or not at all.
func isMark(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= '\U0001f3fb' && r <= '\U0001f3ff' // tones of skin
}

// isFlag reports whether a character is half of a flag.
func isFlag(r rune) bool { return r >= '\U0001f1e6' && r <= '\U0001f1ff' }

// Cut returns a text of at most that many columns, with a mark where it was cut.
func Cut(s string, columns int) string {
	if Width(s) <= columns {
		return s
	}
	if columns <= 0 {
		return ""
	}
	end, n := 0, 1 // for the mark
	walk(s, func(to, w int) bool {
		if n+w > columns {
			return false
		}
		end, n = to, n+w
		return true
	})
	return s[:end] + cutMark
}

// Isolate returns a text that does not change the order of its neighbours, whatever direction
// it is written in.
func Isolate(s string) string {
	for _, r := range s {
		p, _ := bidi.LookupRune(r)
		if c := p.Class(); c == bidi.R || c == bidi.AL {
			return isolate + s + isolateEnd
		}
	}
	return s
}
