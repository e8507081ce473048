package httpd_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	apiclient "gatebook/httpd/client"
)

// openFolder opens a registry whose log is kept in files, with some records, and waits until all
// of them are signed.
func openFolder(t *testing.T, folder string, sessions int) *gatebook.Registry {
	t.Helper()
	r, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, r.Close()) })
	s := startSource(t, r, "edge-1")
	for range sessions {
		id := open(t, s, events.SessionOpened{Service: "orders", Address: "192.0.2.7"})
		check(t, s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonKilled, By: "dba", Description: "runaway report", User: "jdoe"}))
	}
	awaitSigned(t, r, r.Moment().Sequence)
	return r
}

// awaitSigned waits until a head of so many records is signed.
func awaitSigned(t *testing.T, r *gatebook.Registry, size uint64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		status, err := r.Heads()
		check(t, err)
		if status.Head.Size >= size {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the newest head is of %d records, want %d", status.Head.Size, size)
		}
	}
}

// TestProofs asks for heads, keys, proofs and records, and for those that there are not.
func TestProofs(t *testing.T) {
	t.Parallel()
	r := openFolder(t, filepath.Join(t.TempDir(), "data"), 150)
	status, err := r.Heads()
	check(t, err)
	size := status.Head.Size
	asker, base := client(t), "http://"+serve(t, httpd.Config{Registry: r})
	get := func(path string) answer { return ask(t, asker, "GET", base+path) }

	got := get("/log/key")
	v, err := note.NewVerifier(strings.TrimSpace(got.body))
	check(t, err)
	if n, err := note.Open([]byte(get("/log/checkpoint").body), note.VerifierList(v)); err != nil || !strings.HasPrefix(n.Text, fmt.Sprintf("%s\n%d\n", v.Name(), size)) {
		t.Errorf("the head is %+v, %v", n, err)
	}
	for _, sequence := range []uint64{1, 2, 255, 256, 257, size} {
		var record struct{ Leaf []byte }
		check(t, json.Unmarshal([]byte(get(fmt.Sprint("/log/records/", sequence)).body), &record))
		var proof struct {
			Sequence, Size uint64
			LeafHash       tlog.Hash `json:"leaf_hash"`
			Proof          tlog.RecordProof
		}
		check(t, json.Unmarshal([]byte(get(fmt.Sprint("/log/proof/inclusion?sequence=", sequence)).body), &proof))
		if proof.Sequence != sequence || proof.Size != size || proof.LeafHash != tlog.RecordHash(record.Leaf) {
			t.Errorf("record %d: %+v", sequence, proof)
		}
		check(t, tlog.CheckRecord(proof.Proof, int64(size), status.Head.Root, int64(sequence-1), proof.LeafHash))
	}
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/log/proof/inclusion", 400, "sequence is not given"},
		{"/log/proof/inclusion?sequence=0", 400, "it is the number of a record, from 1 on, in digits alone, without leading zeros, as in sequence=1."},
		{"/log/proof/inclusion?sequence=-1", 400, "sequence=-1 cannot be read"},
		{"/log/proof/inclusion?sequence=x", 400, "sequence=x cannot be read"},
		{"/log/proof/inclusion?sequence=9223372036854775808", 400, "cannot be read"},
		{"/log/proof/inclusion?sequence=1&sequence=2", 400, "given 2 times"},
		{"/log/proof/inclusion?sequence=9&size=8", 400, "Record 9 is not among the first 8."},
		{"/log/proof/inclusion?sequence=1&size=0", 400, "size=0 cannot be read: it is how many of the first records a tree has"},
		{fmt.Sprintf("/log/proof/inclusion?sequence=1&size=%d", size+1), 404, fmt.Sprintf("No head of %d records has been signed: the newest is of %d.", size+1, size)},
		{fmt.Sprintf("/log/proof/inclusion?sequence=%d", size+1), 404, "has been signed"},
		{"/log/proof/inclusion?sequenz=1", 400, "sequence"},
		{"/log/proof/consistency", 400, "from is not given"},
		{"/log/proof/consistency?from=0", 400, "from=0 cannot be read: it is how many records an older tree has"},
		{"/log/proof/consistency?from=9&to=8", 400, "9 records are more than 8"},
		{fmt.Sprintf("/log/proof/consistency?from=%d", size+1), 404, "has been signed"},
		{fmt.Sprintf("/log/proof/consistency?from=1&to=%d", size+1), 404, "has been signed"},
		{"/log/proof/consistency?from=8&to=8", 200, `{"from":8,"to":8,"proof":[]}`},
		{"/log/records/0", 404, "No record 0 is in the book."},
		{fmt.Sprintf("/log/records/%d", size+1), 404, fmt.Sprintf("No record %d is in the book.", size+1)},
		{"/log/records/005", 404, `No record \"005\" is in the book.`},
		{"/log/records/+5", 404, `No record \"+5\" is in the book.`},
		{"/log/records/x", 404, `No record \"x\" is in the book.`},
		{"/log/records/1?personal=yes", 400, "it is true or false"},
		{"/log/checkpoint?size=4", 400, "size"},
		{"/log/key?all=true", 400, "all"},
	} {
		if got := get(c.path); got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: got %d %s, want %d %q", c.path, got.status, got.body, c.status, c.want)
		}
	}
	if got := ask(t, asker, "POST", base+"/log/key"); got.status != 405 {
		t.Errorf("the key was rotated over the network: %d %s", got.status, got.body)
	}
	c, err := apiclient.New(base, apiclient.Options{})
	check(t, err)
	defer c.Close()
	proof, err := c.ProveTree(t.Context(), 100, 0)
	check(t, err)
	older, err := c.ProveTree(t.Context(), 100, size)
	check(t, err)
	if proof.To != size || len(proof.Proof) == 0 || len(older.Proof) != len(proof.Proof) {
		t.Errorf("got %+v and %+v", proof, older)
	}
	p, err := c.ProveRecord(t.Context(), 7, 8)
	check(t, err)
	if keys, err := c.VerifierKeys(t.Context()); err != nil || len(keys) != 1 || p.Size != 8 {
		t.Errorf("got %+v, %q, %v", p, keys, err)
	}
}

// TestPersonalParts asks for the personal parts of a record. They are what the core commits to, and
// for administrators alone.
func TestPersonalParts(t *testing.T) {
	t.Parallel()
	r := openFolder(t, filepath.Join(t.TempDir(), "data"), 1)
	p := newTestAccounts(t)
	base := "http://" + serve(t, httpd.Config{Registry: r, Accounts: p.gate})
	asker := client(t)
	const killed = "/log/records/3"
	admin, reader := p.headers()["admin"], p.headers()["basic"]
	var record struct{ Leaf, Subject, Actor []byte }
	got := ask(t, asker, "GET", base+killed+"?personal=true", admin...)
	check(t, json.Unmarshal([]byte(got.body), &record))
	for name, part := range map[string][]byte{"jdoe": record.Subject, "dba": record.Actor} {
		sum := sha256.Sum256(part)
		if !strings.Contains(string(part), name) || !strings.Contains(string(record.Leaf), string(sum[:])) {
			t.Errorf("the part of %s is %q; it is in the core: %v", name, part, strings.Contains(string(record.Leaf), string(sum[:])))
		}
	}
	if got := ask(t, asker, "GET", base+killed+"?personal=true", reader...); got.status != 403 || !strings.Contains(got.body, "role admin") {
		t.Errorf("a reader gets %d %s", got.status, got.body)
	}
	want := base64.StdEncoding.EncodeToString(record.Leaf)
	if got := ask(t, asker, "GET", base+killed, reader...); got.status != 200 || got.body != `{"sequence":3,"leaf":"`+want+"\"}\n" {
		t.Errorf("a reader gets %d %s", got.status, got.body)
	}
	if got := ask(t, asker, "GET", base+"/log/records/1?personal=true", admin...); got.status != 200 || !strings.Contains(got.body, `"subject":null,"actor":null`) {
		t.Errorf("of a record about nobody: %d %s", got.status, got.body)
	}
}

// TestProofsWithoutFiles asks a server whose log is not kept in files.
func TestProofsWithoutFiles(t *testing.T) {
	t.Parallel()
	asker, base := client(t), "http://"+serve(t, httpd.Config{Registry: openBook(t, newClock())})
	for _, path := range []string{"/log/checkpoint", "/log/key", "/log/proof/inclusion?sequence=1", "/log/proof/consistency?from=1", "/log/records/1"} {
		if got := ask(t, asker, "GET", base+path); got.status != 404 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// TestAuditor builds the program of an auditor, which has only tlog and note, and has it visit a
// server, the same one later, and one whose log was rolled back and went on.
func TestAuditor(t *testing.T) {
	t.Parallel()
	auditor := buildAuditor(t)
	folder := filepath.Join(t.TempDir(), "data")
	r := openFolder(t, folder, 5)
	url := "http://" + serve(t, httpd.Config{Registry: r})
	older := filepath.Join(t.TempDir(), "older")
	check(t, os.CopyFS(older, os.DirFS(folder)))
	keys, err := r.VerifierKeys()
	check(t, err)
	kept := filepath.Join(t.TempDir(), "head")
	visit := func(url, sequence, want string, fails bool) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), auditor, url, keys[0], kept, sequence).CombinedOutput()
		if (err != nil) != fails || !strings.Contains(string(out), want) {
			t.Errorf("it says %q with error %v, want %q", out, err, want)
		}
	}
	visit(url, "7", "first visit: 11 records\nrecord 7 is in it\n", false)
	s := startSource(t, r, "edge-2")
	for range 300 {
		open(t, s, events.SessionOpened{Service: "orders", Address: "192.0.2.8"})
	}
	awaitSigned(t, r, 312)
	visit(url, "300", "the log is the one that was here: 11 records then, 312 now\nrecord 300 is in it\n", false)
	visit(url, "5000", "record 5000 is not in the log", true)
	// The folder as it was goes on with other records. The same key signs them.
	other := openFolder(t, older, 400)
	visit("http://"+serve(t, httpd.Config{Registry: other}), "1", "the log is not the one that was here", true)
}

// buildAuditor builds testdata/auditor in a throwaway module, and returns its path.
func buildAuditor(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{filepath.Join("testdata", "auditor", "main.go"): "main.go", filepath.Join("..", "go.sum"): "go.sum"} {
		content, err := os.ReadFile(from)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, to), content, 0o600))
	}
	version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "golang.org/x/mod").Output()
	check(t, err)
	text := "module example.com/auditor\n\ngo 1.26.0\n\nrequire golang.org/x/mod " + strings.TrimSpace(string(version)) + "\n"
	check(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	program := filepath.Join(dir, "auditor")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = dir
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return program
}
