package names_test

import (
	"bytes"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf8"

	"gatebook/cmd/gatebook/gateway/names"
)

// TestNames checks what becomes of names in UTF-8 and in other encodings.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, utf8, ascii string }{
		{"", "", ""},
		{"jdoe", "jdoe", "jdoe"},
		{"m\u00fcller", "m\u00fcller", `m\xc3\xbcller`},
		{"m\xfcller", `m\xfcller`, `m\xfcller`},
		{`m\xfcller`, `m\x5cxfcller`, `m\x5cxfcller`},
		{`CORP\xavier`, `CORP\xavier`, `CORP\xavier`},
		{"\\x\xfc0", `\x\xfc0`, `\x\xfc0`},
		{"\ufffd", "\ufffd", `\xef\xbf\xbd`},
	} {
		if got := names.FromUTF8([]byte(c.name)); got != c.utf8 {
			t.Errorf("%q in UTF-8: got %q, want %q", c.name, got, c.utf8)
		}
		if got := names.FromASCII([]byte(c.name)); got != c.ascii {
			t.Errorf("%q in ASCII: got %q, want %q", c.name, got, c.ascii)
		}
	}
}

// FuzzNames checks that the bytes of a name can be had back from its text, so that no two names
// become one.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"jdoe", "m\xfcller", `m\xfcller`, `\\x5c`, "\\\xfc", "\xef\xbf\xbd", "\\x\xfc0"} {
		f.Add([]byte(seed))
	}
	escaped := regexp.MustCompile(`\\x[0-9a-f]{2}`)
	f.Fuzz(func(t *testing.T, name []byte) {
		for _, text := range []string{names.FromUTF8(name), names.FromASCII(name)} {
			if !utf8.ValidString(text) {
				t.Fatalf("%q became %q, which is not UTF-8", name, text)
			}
			back := escaped.ReplaceAllFunc([]byte(text), func(m []byte) []byte {
				c, err := strconv.ParseUint(string(m[2:]), 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				return []byte{byte(c)}
			})
			if !bytes.Equal(back, name) {
				t.Fatalf("%q became %q, which is %q", name, text, back)
			}
		}
	})
}
