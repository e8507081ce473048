package projection

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// NameKey returns the key that names are compared by: the NFC form in lower case, with
// blanks as hyphens. Names with equal keys are the same name.
func NameKey(name string) string {
	plain := true
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= 0x80 || c == ' ' || c == '\t' || 'A' <= c && c <= 'Z' {
			plain = false
			break
		}
	}
	if plain {
		return name
	}
	key := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\u00a0' {
			return '-'
		}
		return r
	}, norm.NFC.String(name))
	return norm.NFC.String(strings.ToLower(key))
}

// SameSpelling reports whether two names are written the same. Forms of Unicode that show
// the same are.
func SameSpelling(a, b string) bool { return a == b || norm.NFC.String(a) == norm.NFC.String(b) }
