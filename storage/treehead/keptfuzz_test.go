package treehead_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzReadKept reads files that heads, parts of heads and empty lines were appended to, in any order: the
// last whole head is read, and whether something follows it.
func FuzzReadKept(f *testing.F) {
	for _, seed := range []string{"\x00\x01", "\x00\x03\x03\x01\x03\x03\x02", "\x00\x24\x01\xf5", "\x01\xf4\x02", "\x7c\x9c\x00\x03", "\xfc\x00\xfd\x01\x06\x02"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 60 {
			steps = steps[:60]
		}
		all := heads(t)
		var content strings.Builder
		want, torn, midLine := "", false, false
		for _, step := range steps {
			part := all[step%3]
			switch kind := step / 3; {
			case kind == 0:
				content.WriteString(part)
				want, torn, midLine = part, false, false
			case kind == 1:
				content.WriteString("\n")
				midLine = false
			case kind == 2 && !midLine: // lines of Windows
				content.WriteString(strings.ReplaceAll(part, "\n", "\r\n"))
				want, torn = part, false
			default: // without its last two bytes a part is none that an end of line completes
				part = part[:1+int(step)*7%(len(part)-2)]
				content.WriteString(part)
				torn, midLine = true, true
			}
		}
		path := filepath.Join(t.TempDir(), "heads")
		if err := os.WriteFile(path, []byte(content.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		kept, err := readLast(path)
		if string(kept.Signed) != want || want != "" && kept.Torn != torn || (err == nil) != (want != "") {
			t.Errorf("of %q it has %q, torn: %v; %v; want %q, torn: %v", content.String(), kept.Signed, kept.Torn, err, want, torn)
		}
	})
}
