package render

import (
	"strings"
	"testing"
)

func FuzzParseTags(f *testing.F) {
	for _, text := range []string{`"57"`, `W/"57", "58;csv"`, "*", `"a,b","c`, `""`, " , ,", "57", "\"\x00\""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := parseTags([]string{text})
		if got.any && (len(got.tags) > 0 || !strings.Contains(text, "*")) {
			t.Errorf("%q is %+v", text, got)
		}
		written := make([]string, len(got.tags))
		for i, tag := range got.tags {
			if written[i] = `"` + tag.opaque + `"`; !strings.Contains(text, written[i]) || !got.has(written[i]) {
				t.Errorf("%q has no %+v", text, tag)
			}
			if tag.weak {
				written[i] = "W/" + written[i]
			} else if !got.hasSequence(tag.sequence()) {
				t.Errorf("%q has no sequence %s", text, tag.sequence())
			}
		}
		again := parseTags(written)
		if len(again.tags) != len(got.tags) {
			t.Errorf("%q is %+v, then %+v", text, got, again)
		}
		for i := range again.tags {
			if again.tags[i] != got.tags[i] {
				t.Errorf("%q is %+v, then %+v", text, got, again)
			}
		}
	})
}

func TestCodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		encoding    string
		gzip, plain bool
	}{
		{"gzip", true, true},
		{"gzip, deflate, br", true, true},
		{"X-GZIP", true, true},
		{"*", true, true},
		{"deflate, br", false, true},
		{"", false, true},
		{"identity", false, true},
		{"gzip;q=0", false, true},
		{"gzip;q=0, *", false, true},
		{"gzip;q=0.5", true, true},
		{"gzip;q=0.5, identity", false, true},
		{"gzip;q=0.5, identity;q=0.5", true, true},
		{"gzip;q=0.5, identity;q=0.4", true, true},
		{"gzip, identity;q=0", true, false},
		{"gzip, *;q=0", true, false},
		{"*;q=0", false, false},
		{"identity;q=0", false, false},
		{"*;q=0, identity", false, true},
		{"gzip;q=many", false, true},
	} {
		zipped, plain := codings([]string{c.encoding})
		if zipped != c.gzip || plain != c.plain {
			t.Errorf("%q: gzip %v, plain %v", c.encoding, zipped, plain)
		}
	}
}
