package names

import "unicode/utf8"

// FromUTF8 returns a name that is meant to be UTF-8. A byte that is not is written as \xHH, its
// value in hexadecimal. So is a backslash that would otherwise look like the beginning of that.
func FromUTF8(name []byte) string {
	return escape(name, func(b []byte) int {
		if r, size := utf8.DecodeRune(b); r != utf8.RuneError || size > 1 {
			return size
		}
		return 0
	})
}

// FromASCII returns a name in an encoding of which ASCII alone is known. Every other byte is
// written as FromUTF8 writes it.
func FromASCII(name []byte) string {
	return escape(name, func(b []byte) int {
		if b[0] < utf8.RuneSelf {
			return 1
		}
		return 0
	})
}

// Plain returns text that was decoded from some encoding, without anything that looks like an
// escaped byte.
func Plain(text string) string { return FromUTF8([]byte(text)) }

// escape returns a name whose characters decode finds at the head of the rest: it returns the size
// of the next one, or 0 where there is none.
func escape(name []byte, decode func(b []byte) int) string {
	out := make([]byte, 0, len(name))
	for rest := name; len(rest) > 0; {
		size := decode(rest)
		if size == 0 || isEscaped(rest) {
			out = appendEscaped(out, rest[0])
			rest = rest[1:]
			continue
		}
		out = append(out, rest[:size]...)
		rest = rest[size:]
	}
	return string(out)
}

// isEscaped reports whether b begins like a byte that was escaped.
func isEscaped(b []byte) bool {
	return len(b) >= 4 && b[0] == '\\' && b[1] == 'x' && isHex(b[2]) && isHex(b[3])
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// appendEscaped appends a byte as \xHH.
func appendEscaped(b []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'x', digits[c>>4], digits[c&0xf])
}
