package shell

import "strings"

// plain are the characters besides letters and digits of ASCII that no POSIX shell treats in a special way within a word.
const plain = "/._-+:=@%,"

// Quote returns a word as a POSIX shell reads it: as it is where no character has a meaning there, and otherwise
// between apostrophes.
func Quote(word string) string {
	special := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(plain, c)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
