package main_test

import (
	"bytes"
	"crypto/sha256"
	bigendian "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestImportKeepsKeys exports logs whose key was rotated so many times, and imports them: the import has
// all keys of the original and a new one, and each head that was kept of the original is in it.
func TestImportKeepsKeys(t *testing.T) {
	t.Parallel()
	for rotations := range 3 {
		t.Run(fmt.Sprint(rotations), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			at := func(name string) string { return filepath.Join(folder, name) }
			data, heads := at("data"), keepHeads(t, at("data"), rotations)
			keys := strings.Fields(mustRun(t, "key", "--data", data))
			mustRun(t, "export", "--data", data, "--out", at("book.ndjson"))
			mustRun(t, "import", at("book.ndjson"), "--data", at("imported"))
			sameKeys(t, at("imported"), keys, heads)

			mustRun(t, "import", at("book.ndjson"), "--as-is", "--data", at("same"))
			if got := strings.Fields(mustRun(t, "key", "--data", at("same"))); !slices.Equal(got, keys) {
				t.Errorf("as is it has the keys %q, want %q", got, keys)
			}
			for _, head := range heads {
				mustRun(t, "verify", "--since", head, "--data", at("same"))
			}

			// An older export has no key: the first rotation names it.
			must(t, os.WriteFile(at("old.ndjson"), withoutKey(t, at("book.ndjson")), 0o600))
			mustRun(t, "import", at("old.ndjson"), "--data", at("old"))
			if rotations > 0 {
				sameKeys(t, at("old"), keys, heads)
			}
		})
	}
}

// keepHeads records something with each key of a new log, and returns files with a head of each.
func keepHeads(t *testing.T, data string, rotations int) (heads []string) {
	t.Helper()
	for i := range rotations + 1 {
		p := serve(t, "--data", data)
		p.request("GET", "/sessions")
		if status := p.stop(); status != 0 {
			t.Fatalf("the server ended with status %d", status)
		}
		head, err := os.ReadFile(filepath.Join(data, "head"))
		must(t, err)
		heads = append(heads, fmt.Sprintf("%s-%d.head", data, i))
		must(t, os.WriteFile(heads[i], head, 0o600))
		if i < rotations {
			mustRun(t, "key", "rotate", "--data", data)
		}
	}
	return heads
}

// sameKeys checks that a log has keys and one more, and contains heads.
func sameKeys(t *testing.T, data string, keys, heads []string) {
	t.Helper()
	if got := strings.Fields(mustRun(t, "key", "--data", data)); len(got) != len(keys)+1 || !slices.Equal(got[1:], keys) {
		t.Errorf("%s has the keys %q, want a new one and %q", data, got, keys)
	}
	for _, head := range heads {
		if out := mustRun(t, "verify", "--since", head, "--data", data); !strings.Contains(out, "consistent: ") {
			t.Errorf("verify says %q", out)
		}
	}
}

// withoutKey returns an export in the format before the one that has the log's first key.
func withoutKey(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	lines := bytes.SplitAfter(content, []byte("\n"))
	var first struct{ Log, Key string }
	must(t, json.Unmarshal(lines[0], &first))
	if !strings.HasPrefix(first.Key, "gatebook/"+first.Log+"+") {
		t.Fatalf("the first line is %s", lines[0])
	}
	lines[0] = fmt.Appendf(nil, "{\"gatebook_export\":2,\"log\":%q}\n", first.Log)
	var end struct {
		Records uint64
		Root    string
	}
	last := &lines[len(lines)-2]
	must(t, json.Unmarshal(*last, &end))
	id, err := hex.DecodeString(first.Log)
	must(t, err)
	root, err := hex.DecodeString(end.Root)
	must(t, err)
	sum := sha256.Sum256(append(bigendian.BigEndian.AppendUint64(id, end.Records), root...))
	*last = regexp.MustCompile(`"sum":"[0-9a-f]+"`).ReplaceAll(*last, fmt.Appendf(nil, `"sum":"%x"`, sum))
	return bytes.Join(lines, nil)
}

// TestImportRefusesKeys changes the key in an export: it is refused, and nothing is imported.
func TestImportRefusesKeys(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	keepHeads(t, at("data"), 1)
	keys := strings.Fields(mustRun(t, "key", "--data", at("data")))
	whole := mustRun(t, "export", "--data", at("data"))
	mustRun(t, "init", "--data", at("other"))
	other := strings.TrimSpace(mustRun(t, "key", "--data", at("other")))
	own := `,"key":"` + keys[1] + `"`
	if !strings.Contains(whole, own+`,"head":"`) {
		t.Fatalf("the first line is %.300q", whole)
	}
	for name, c := range map[string]struct{ key, want string }{
		"of another log": {`,"key":"` + other + `"`, "line 1: verifier key"},
		"malformed":      {`,"key":"x"`, "line 1: verifier key"},
		"the second":     {`,"key":"` + keys[0] + `"`, "the sum over"},
		"none":           {"", "the sum over"},
	} {
		must(t, os.WriteFile(at("changed.ndjson"), []byte(strings.Replace(whole, own, c.key, 1)), 0o600))
		out, status := gatebookCommand(t, "import", at("changed.ndjson"), "--data", at("imported"))
		if status != 1 || !strings.Contains(out, c.want) || !strings.Contains(out, "nothing is imported") {
			t.Errorf("%s: status %d, %s; want %q", name, status, out, c.want)
		}
	}
}
