package main_test

import (
	"bytes"
	"crypto/sha256"
	be "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/storage/treehead"
)

// withHead returns an export with another head in its first line, and with the sum of its last line made again as the
// documentation of the lines says.
func withHead(t *testing.T, export []byte, head string) []byte {
	t.Helper()
	lines := bytes.Split(bytes.TrimSuffix(export, []byte("\n")), []byte("\n"))
	var first struct {
		Gatebook int    `json:"gatebook_export"`
		Log      string `json:"log"`
		Key      string `json:"key"`
		Head     string `json:"head"`
	}
	must(t, json.Unmarshal(lines[0], &first))
	var last struct {
		Records uint64 `json:"records"`
		Root    string `json:"root"`
		Sum     string `json:"sum"`
	}
	must(t, json.Unmarshal(lines[len(lines)-1], &last))
	first.Head = head
	id, err := hex.DecodeString(first.Log)
	must(t, err)
	root, err := hex.DecodeString(last.Root)
	must(t, err)
	b := append(be.BigEndian.AppendUint64(id, last.Records), root...)
	sum := sha256.Sum256(append(b, first.Key+"\n"+first.Head...))
	last.Sum = hex.EncodeToString(sum[:])
	lines[0], err = json.Marshal(first)
	must(t, err)
	lines[len(lines)-1], err = json.Marshal(last)
	must(t, err)
	return append(bytes.Join(lines, []byte("\n")), '\n')
}

// TestImportOfAnotherHead imports exports whose head covers more records than there are, has another root, is of
// another key, or is no head: each is refused by line 1. An older head of the log is taken.
func TestImportOfAnotherHead(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	older, err := os.ReadFile(filepath.Join(data, "head"))
	must(t, err)
	mustRun(t, "key", "rotate", "--data", data)
	grow(t, data, 2)
	export := []byte(mustRun(t, "export", "--data", data))
	key, err := os.ReadFile(filepath.Join(data, "key"))
	must(t, err)
	var first struct{ Log, Head string }
	must(t, json.Unmarshal(export[:bytes.IndexByte(export, '\n')], &first))
	id, err := hex.DecodeString(first.Log)
	must(t, err)
	origin := treehead.Origin([16]byte(id))
	own, err := treehead.ParseSigner(origin, key)
	must(t, err)
	foreign, err := treehead.NewSigner(origin)
	must(t, err)
	records := uint64(bytes.Count(export, []byte("\n")) - 2)
	signed := func(s *treehead.Signer, size uint64) string {
		note, err := s.Sign(treehead.Head{Size: size})
		must(t, err)
		return string(note)
	}
	imports := func(head string) (string, int) {
		file := filepath.Join(t.TempDir(), "book.ndjson")
		must(t, os.WriteFile(file, withHead(t, export, head), 0o600))
		return gatebookCommand(t, "import", file, "--data", filepath.Join(t.TempDir(), "imported"))
	}
	for what, head := range map[string]string{
		"more records": signed(own, records+1), "another root": signed(own, records), "another key": signed(foreign, records), "garbage": "garbage",
	} {
		if out, status := imports(head); status != 1 || !strings.HasPrefix(out, "gatebook: line 1: its head is not one of the exported records: ") || !strings.Contains(out, "nothing is imported") {
			t.Errorf("%s: status %d, it says %q", what, status, out)
		}
	}
	for _, head := range []string{first.Head, string(older)} {
		if out, status := imports(head); status != 0 {
			t.Errorf("a head of the log: status %d, it says %q", status, out)
		}
	}
}
