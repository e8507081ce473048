package main_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatebook/storage"
)

// storedOf returns all records of the log in a folder as they are stored, and the root of the tree
// over them.
func storedOf(t *testing.T, folder string) (all [][]byte, root string) {
	t.Helper()
	_, hash, err := storage.ReadStored(t.Context(), filepath.Join(folder, "log"), nil, func(_ uint64, b []byte) error {
		all = append(all, bytes.Clone(b))
		return nil
	})
	must(t, err)
	return all, hash.String()
}

// TestExportAndImport exports a log of every kind of session, and imports it again: byte for byte
// the same records, the same tree, the same answers.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.offline()
	file, again := filepath.Join(t.TempDir(), "book.ndjson"), filepath.Join(t.TempDir(), "again.ndjson")
	if out := mustRun(t, "export", "--data", b.folder, "--out", file); out != "exported: 44 records of "+b.folder+" to "+file+"\n" {
		t.Errorf("it says %q", out)
	}
	imported := filepath.Join(t.TempDir(), "imported")
	if out := mustRun(t, "import", file, "--as-is", "--data", imported); !strings.HasPrefix(out, "imported: 44 records into "+imported+", as is") {
		t.Errorf("it says %q", out)
	}
	mustRun(t, "verify", "--data", imported)
	was, root := storedOf(t, b.folder)
	is, rootAgain := storedOf(t, imported)
	if !reflect.DeepEqual(was, is) || root != rootAgain {
		t.Error("the records are others, or the tree is another")
	}
	mustRun(t, "export", "--data", imported, "--out", again)
	x, err := os.ReadFile(file)
	must(t, err)
	y, err := os.ReadFile(again)
	must(t, err)
	if !bytes.Equal(x, y) {
		t.Error("what was imported is exported otherwise")
	}
	if lines := bytes.Count(x, []byte("\n")); lines != 46 {
		t.Errorf("it has %d lines", lines)
	}
	// With its key, which no export has, it goes on in the same way.
	key, err := os.ReadFile(filepath.Join(b.folder, "key"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(imported, "key"), key, 0o600))
	var answers [2][]map[string]any
	for i, folder := range []string{b.folder, imported} {
		p := serve(t, "--data", folder)
		p.get("/sessions?status=all&fields=*&sort=id", &answers[i])
		p.stop()
	}
	for i := range answers[0] {
		if fmt.Sprint(answers[0][i]["service"]) != "/services/gatebook" && !reflect.DeepEqual(answers[0][i], answers[1][i]) {
			t.Errorf("a session is\n%v\nand\n%v", answers[0][i], answers[1][i])
		}
	}
	mustRefuse(t, "is not empty", "import", file, "--data", imported)
	mustRefuse(t, "exists", "export", "--data", b.folder, "--out", file)
	x = bytes.Replace(x, []byte(strings.TrimSpace(mustRun(t, "key", "--data", b.folder))), []byte("…"), 1)
	golden(t, "export", identity.ReplaceAllString(regexp.MustCompile(`"(core|subject|actor|head)":"[^"]+"|"root":"[0-9a-f]+"`).ReplaceAllString(string(bytes.Join(bytes.SplitAfterN(x, []byte("\n"), 40)[:39], nil)), `"$1":"…"`), "IDENTITY"))
}

// TestImportRefusesDamage changes, removes and exchanges bytes and lines of an export: each is refused
// by the number of its line, and no server starts in what was left.
func TestImportRefusesDamage(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.offline()
	whole := []byte(mustRun(t, "export", "--data", b.folder))
	backup := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", backup, "--data", b.folder)
	file := filepath.Join(t.TempDir(), "book.ndjson")
	lineNumber := regexp.MustCompile(`gatebook: line (\d+): `)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1]
	try := func(what string, content []byte, want int) {
		t.Helper()
		must(t, os.WriteFile(file, content, 0o600))
		target := filepath.Join(t.TempDir(), "imported")
		out, status := gatebookCommand(t, "import", file, "--data", target)
		found := lineNumber.FindStringSubmatch(out)
		if status != 1 || found == nil || want > 0 && found[1] != fmt.Sprint(want) {
			t.Errorf("%s: status %d, %s; want line %d", what, status, out, want)
		}
		mustRefuse(t, "gatebook import into", "serve", "--data", target, "--listen", "127.0.0.1:0")
		mustRefuse(t, "gatebook import into", "restore", backup, "--data", target)
	}
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	for range 12 {
		at := rand.IntN(len(whole))
		changed := bytes.Clone(whole)
		changed[at] ^= 1 << rand.IntN(8)
		if bytes.Equal(changed, whole) {
			continue
		}
		try(fmt.Sprintf("a bit of byte %d, of %q", at, whole[at]), changed, 0)
	}
	n := 2 + rand.IntN(len(lines)-4)
	try("a line is missing", join(join(lines[:n]...), join(lines[n+1:]...)), n+1)
	try("a line is there twice", join(join(lines[:n]...), lines[n], join(lines[n:]...)), n+2)
	try("two lines are exchanged", join(join(lines[:n]...), lines[n+1], lines[n], join(lines[n+2:]...)), n+1)
	try("the last line is missing", join(lines[:len(lines)-1]...), len(lines))
	try("the first line is missing", join(lines[1:]...), 1)
	try("it is cut", whole[:len(whole)-rand.IntN(len(whole)-1)-1], 0)
	try("more follows", join(whole, lines[1]), len(lines))
	try("nothing", nil, 1)
	// The identity of the log is in the first line alone.
	id := bytes.Index(lines[0], []byte(`"log":"`)) + len(`"log":"`)
	other := bytes.Clone(lines[0])
	other[id] = "0123456789abcdef0"[bytes.IndexByte([]byte("0123456789abcdef"), other[id])+1]
	try("it is another log", join(other, join(lines[1:]...)), 1)
	bare := fmt.Appendf(nil, "%s}\n", other[:id+32+1])
	for _, older := range []string{":1,", ":2,", ":3,"} {
		try("it is another log, of format "+older, join(bytes.Replace(bare, []byte(`:3,`), []byte(older), 1), join(lines[1:]...)), len(lines))
	}
	sum := bytes.Index(lines[len(lines)-1], []byte(`,"sum"`))
	try("the sum is left out", join(join(lines[:len(lines)-1]...), lines[len(lines)-1][:sum], []byte("}\n")), len(lines))
	// An erased part cannot be made by leaving it out.
	for i, line := range lines {
		if part := regexp.MustCompile(`,"subject":"[^"]+"`).FindIndex(line); part != nil {
			try("a part is left out", join(join(lines[:i]...), line[:part[0]], line[part[1]:], join(lines[i+1:]...)), i+1)
			break
		}
	}
	// The same folder can be used again.
	target := filepath.Join(t.TempDir(), "imported")
	must(t, os.WriteFile(file, whole[:len(whole)/2], 0o600))
	mustRefuse(t, "nothing is imported", "import", file, "--data", target)
	must(t, os.WriteFile(file, whole, 0o600))
	mustRun(t, "import", file, "--data", target)
	// An earlier version has written no sum.
	must(t, os.WriteFile(file, join(bytes.Replace(lines[0], []byte(`:3,`), []byte(`:1,`), 1)[:id+32+1], []byte("}\n"), join(lines[1:len(lines)-1]...), lines[len(lines)-1][:sum], []byte("}\n")), 0o600))
	mustRun(t, "import", file, "--data", filepath.Join(t.TempDir(), "imported"))
}

// TestExportOfServer exports the log of a server that runs, and its sessions as CSV.
func TestExportOfServer(t *testing.T) {
	data := newSegments(t)
	p, room := serve(t, "--data", data), t.TempDir()
	t.Setenv("TMPDIR", room)
	for _, from := range [][]string{{"--data", data}, {"--url", p.api}} {
		before := headOf(t, p)
		out := mustRun(t, append([]string{"export"}, from...)...)
		if n := uint64(strings.Count(out, "\n")); n < before+2 {
			t.Errorf("%v: %d lines of %d records", from, n, before)
		}
		rows, err := csv.NewReader(strings.NewReader(mustRun(t, append([]string{"export", "--format", "csv"}, from...)...))).ReadAll()
		if err != nil || len(rows) < 501 || rows[0][0] != "id" {
			t.Errorf("%v: %d rows, %v, the first is %v", from, len(rows), err, rows[0])
		}
	}
	mustRefuse(t, "stop it first", "rebuild", "--data", data)
	mustRefuse(t, "stop it first", "compact", "--data", data)
	// A reader that goes away, as head does.
	out, err := exec.Command("bash", "-c", "'"+binary+"' export --data '"+data+"' | head -n 1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `{"gatebook_export":3`) {
		t.Errorf("it says %s, %v", out, err)
	}
	left, err := filepath.Glob(filepath.Join(room, "*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("it has left %v", left)
	}
}

// TestRebuildAndCompact makes book.db again, and then makes the files smaller: the records and the
// answers stay as they are.
func TestRebuildAndCompact(t *testing.T) {
	data := newSegments(t)
	p := serve(t, "--data", data)
	was := p.ended()
	p.stop()
	stored, root := storedOf(t, data)
	must(t, os.WriteFile(filepath.Join(data, "book.db"), []byte("damage"), 0o600))
	if out := mustRun(t, "rebuild", "--data", data); !strings.HasPrefix(out, "rebuilt: ") {
		t.Errorf("it says %q", out)
	}
	linked := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", linked, "--data", data)
	if out := mustRun(t, "compact", "--data", data); !regexp.MustCompile(`^compacted: [1-9]\d* of \d+ files, from \S+ MiB to \S+ [KM]iB\n$`).MatchString(out) {
		t.Errorf("it says %q", out)
	}
	if out := mustRun(t, "compact", "--data", data); !strings.HasPrefix(out, "compacted: nothing, ") {
		t.Errorf("again it says %q", out)
	}
	mustRun(t, "verify", "--data", data)
	again, rootAgain := storedOf(t, data)
	if !reflect.DeepEqual(stored, again) || root != rootAgain {
		t.Error("the records are others, or the tree is another")
	}
	// A backup whose files were linked is still whole, and goes on.
	mustRun(t, "verify", "--data", linked)
	if out := mustRun(t, "backup", linked, "--data", data); strings.Contains(out, "linked") || strings.Contains(out, "damaged") {
		t.Errorf("the backup after it says %q", out)
	}
	p = serve(t, "--data", data)
	if strings.Contains(p.found, "made again") {
		t.Errorf("it says %q", p.found)
	}
	if is := p.ended(); !reflect.DeepEqual(was, is) {
		t.Error("the answers are others")
	}
	mustRefuse(t, "is a backup", "rebuild", "--data", linked)
	mustRefuse(t, "is a backup", "compact", "--data", linked)
}

// TestCompactIsKilled kills compact, rebuild and import at random moments: the folder stays as it
// was, or is refused until the import is done again.
func TestCompactIsKilled(t *testing.T) {
	data := newSegments(t)
	stored, root := storedOf(t, data)
	file, imported := filepath.Join(t.TempDir(), "book.ndjson"), filepath.Join(t.TempDir(), "imported")
	mustRun(t, "export", "--data", data, "--out", file)
	began := time.Now()
	mustRun(t, "rebuild", "--data", data)
	took := time.Since(began) // on this machine, now
	killed := 0
	for round := range 18 {
		args := [][]string{{"compact", "--data", data}, {"rebuild", "--data", data}, {"import", file, "--as-is", "--data", imported}}[round%3]
		command := exec.Command(binary, args...)
		must(t, command.Start())
		killing := time.AfterFunc(time.Duration(rand.Int64N(int64(took))), func() { _ = command.Process.Kill() })
		if err := command.Wait(); err != nil && !command.ProcessState.Exited() {
			killed++
		}
		killing.Stop()
		mustRun(t, "verify", "--data", data)
		if again, rootAgain := storedOf(t, data); !reflect.DeepEqual(stored, again) || root != rootAgain {
			t.Fatalf("%v was killed, and the records are others", args)
		}
	}
	if killed == 0 {
		t.Error("nothing was killed: the test shows nothing")
	}
	if isThere(filepath.Join(imported, "unfinished.json")) || !isThere(filepath.Join(imported, "log")) {
		mustRun(t, "import", file, "--as-is", "--data", imported)
	}
	if again, rootAgain := storedOf(t, imported); !reflect.DeepEqual(stored, again) || root != rootAgain {
		t.Error("the imported records are others")
	}
	p := serve(t, "--data", data)
	if len(p.ended()) != 500 {
		t.Errorf("%d sessions have ended", len(p.ended()))
	}
}
