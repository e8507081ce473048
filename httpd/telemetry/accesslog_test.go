package telemetry

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestBounded cuts and cleans texts as a client may send them.
func TestBounded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "",
		"curl/8.0":           "curl/8.0",
		"12345678":           "12345678",
		"123456789":          "12345678…",
		"1234567ü":           "1234567\ufffd…", // cut within a character
		"\xff\xfe":           "\ufffd",
		"a\u009bb":           "a\ufffdb",
		"a\u202eb\u2028c":    "a\ufffdb\ufffd…",
		"ü\u00a0":            "ü\ufffd",
		"a\nb\x1b":           "a\nb\x1b", // the log escapes those
		"\U0001f42c dolphin": "\U0001f42c dol…",
	} {
		got := bounded(text, 8)
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestNamesIn finds the known parameters of a query, and nothing else of it.
func TestNamesIn(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"": "", "user=mallory&limit=5": "limit user", "password=hunter2": "", "limit=5&a;b&user=x": "limit user", "LIMIT=1": "", "at=%zz&pretty": "pretty",
	} {
		if got := namesIn(query); strings.Join(got, " ") != want || !slices.IsSorted(got) {
			t.Errorf("%q: got %v, want %s", query, got, want)
		}
	}
}
