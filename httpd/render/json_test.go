package render

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// encoded returns s as encoding/json encodes it without its escapes for HTML.
func encoded(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func TestStringsAreEscaped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", `""`},
		{"jdoe", `"jdoe"`},
		{"Ünïcødé 日本 🐬", `"Ünïcødé 日本 🐬"`},
		{`a"b\c/d`, `"a\"b\\c/d"`},
		{"\x00\x01\x1f\x7f", "\"\\u0000\\u0001\\u001f\x7f\""},
		{"\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"<script>&</script>", `"<script>&</script>"`},
		{"a\u2028b\u2029c", `"a\u2028b\u2029c"`},
		{"\xff", `"\ufffd"`},
		{"a\xc3", `"a\ufffd"`},
		{"\xed\xa0\x80", `"\ufffd\ufffd\ufffd"`},
		{"\ufffd", "\"\ufffd\""},
	} {
		if got := string(AppendString(nil, c.text)); got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
		if want := encoded(t, c.text); want != c.want {
			t.Errorf("%q: encoding/json has %s, the table %s", c.text, want, c.want)
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "jdoe", "a\"\\\n\x00", "\u2028\u2029", "\xff\xc3", "日本\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(AppendString(nil, s)), encoded(t, s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	})
}

// BenchmarkAppendString compares AppendString with the package that reads reports.
func BenchmarkAppendString(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"short", "jdoe"}, {"long", "orders-of-the-shop.example.org"}, {"unicode", "Ünïcødé 日本"}, {"quotes", `a "name" \ more`},
	} {
		b.Run(c.name+"/own", func(b *testing.B) {
			for into := make([]byte, 0, 256); b.Loop(); {
				into = AppendString(into[:0], c.text)
			}
		})
		b.Run(c.name+"/jsontext", func(b *testing.B) {
			for into := make([]byte, 0, 256); b.Loop(); {
				into, _ = jsontext.AppendQuote(into[:0], c.text)
			}
		})
	}
}
