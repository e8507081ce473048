package shell_test

import (
	"os/exec"
	"testing"

	"gatebook/internal/shell"
)

// TestQuote has a shell read words that were quoted.
func TestQuote(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"/var/lib/gatebook": "/var/lib/gatebook", "http://[::1]:8989": "'http://[::1]:8989'", "": "''", "a b": "'a b'", "it's": `'it'\''s'`,
		"~": "'~'", "$HOME": "'$HOME'", "a\nb": "'a\nb'", "*": "'*'", "a;b": "'a;b'", `a\b`: `'a\b'`, "東京": "'東京'",
	} {
		got := shell.Quote(word)
		if got != want {
			t.Errorf("%q becomes %s, want %s", word, got, want)
		}
		out, err := exec.Command("sh", "-c", "printf %s "+got).Output()
		if err != nil || string(out) != word {
			t.Errorf("a shell reads %s as %q, %v", got, out, err)
		}
	}
}
