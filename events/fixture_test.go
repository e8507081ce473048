package events_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
)

// The fixtures are records that earlier programs have stored, in a folder for each format.
// Each file holds one record: its bytes in hexadecimal, an empty line, and its content as
// JSON. A new kind, or a new field, gets a file of its own in the newest folder. Once a
// version is released the bytes of a file never change. Its JSON changes only if a field is
// renamed in Go.
//
//	go test ./events -run TestFixtures -args -write-missing
//
// writes the files that do not exist.
const (
	fixtureFolder      = "testdata/v2"
	fixtureFolderOfOne = "testdata/v1"
)

// fixture is the content of a record in readable form.
type fixture struct {
	Kind     string
	Sequence uint64
	Recorded events.Time
	Occurred events.Time
	Session  uint64
	// Erased is of format 1.
	Erased                     bool `json:",omitzero"`
	SubjectErased, ActorErased bool
	Event                      json.RawMessage
}

// fixtures are the records of the files, by the names of the files.
func fixtures() map[string]events.Record {
	all := map[string]events.Record{
		"session_recovered.bare":        {Event: &events.SessionRecovered{}},
		"kill_requested.bare":           {Event: &events.KillRequested{}},
		"session_ready.erased":          {Occurred: 9, Session: 300, Event: eventstest.Full(events.KindSessionReady), SubjectErased: true},
		"session_closed.subject_erased": {Session: 300, Event: eventstest.Full(events.KindSessionClosed), SubjectErased: true},
		"session_closed.actor_erased":   {Session: 300, Event: eventstest.Full(events.KindSessionClosed), ActorErased: true},
		"session_closed.by_nobody": {Session: 300, Event: &events.SessionClosed{
			Reason: events.ReasonAuthFailed, Description: "Access denied for user 'jdoe'", User: "jdoe",
		}},
	}
	all["source_started.account"] = events.Record{Event: eventstest.Full(events.KindSourceStarted)}
	for _, kind := range events.Kinds() {
		all[kind.String()] = events.Record{Occurred: 1_795_000_000_000_000, Session: 300, Event: eventstest.Full(kind)}
	}
	for name, r := range all {
		r.Sequence, r.Recorded = 1000+uint64(r.Event.Kind()), 1_795_000_000_123_456
		all[name] = r
	}
	return all
}

func TestFixtures(t *testing.T) {
	t.Parallel()
	if *writeMissing {
		for name, r := range fixtures() {
			writeFixture(t, fixturePath(name), r)
		}
	}
	files, err := filepath.Glob(fixturePath("*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[events.Kind]bool)
	for _, file := range files {
		seen[checkFixture(t, file)] = true
	}
	for _, kind := range events.Kinds() {
		if !seen[kind] {
			t.Errorf("there is no fixture of %s: see the comment in this file", kind)
		}
	}
	for name := range fixtures() {
		if _, err := os.Stat(fixturePath(name)); err != nil {
			t.Errorf("a fixture is missing: %v", err)
		}
	}
}

func fixturePath(name string) string { return filepath.Join(fixtureFolder, name+".txt") }

// checkFixture fails unless the bytes of a fixture decode to its content and encode to
// the same bytes. It returns the record's kind.
func checkFixture(t *testing.T, file string) events.Kind {
	t.Helper()
	b, want := readFixture(t, file)
	got, err := events.Decode(want.Sequence, b, nil)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return 0
	}
	wanted := events.Record{
		Sequence: want.Sequence, Recorded: want.Recorded, Occurred: want.Occurred,
		Session: want.Session, SubjectErased: want.SubjectErased || want.Erased, ActorErased: want.ActorErased || want.Erased,
		Event: events.New(got.Event.Kind()),
	}
	strict := json.NewDecoder(bytes.NewReader(want.Event))
	strict.DisallowUnknownFields()
	if err := strict.Decode(wanted.Event); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	if got.Event.Kind().String() != want.Kind || !reflect.DeepEqual(got, wanted) {
		t.Errorf("%s:\n got %s\nwant %s", file, describe(t, got), describe(t, wanted))
	}
	if got.Erased() || b[0] != events.Format {
		return got.Event.Kind()
	}
	if encoded := again(t, &got, b); !bytes.Equal(encoded, b) {
		t.Errorf("%s: encoded again\n got %x\nwant %x", file, encoded, b)
	}
	return got.Event.Kind()
}

func readFixture(t *testing.T, file string) ([]byte, fixture) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, description, found := strings.Cut(string(content), "\n\n")
	if !found {
		t.Fatalf("%s has no empty line", file)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var f fixture
	if err := json.Unmarshal([]byte(description), &f); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return b, f
}

func describe(t *testing.T, r events.Record) string {
	t.Helper()
	event, err := json.Marshal(r.Event)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(fixture{
		Kind: r.Event.Kind().String(), Sequence: r.Sequence, Recorded: r.Recorded, Occurred: r.Occurred,
		Session: r.Session, SubjectErased: r.SubjectErased, ActorErased: r.ActorErased, Event: event,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFixturesOfFormat1 reads the records that format 1 stored, with one personal part for
// both persons.
func TestFixturesOfFormat1(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(fixtureFolderOfOne, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are %d files; %v", len(files), err)
	}
	for _, file := range files {
		b, _ := readFixture(t, file)
		if b[0] != 1 {
			t.Errorf("%s has format %d", file, b[0])
		}
		checkFixture(t, file)
	}
}

// writeFixture writes a fixture unless it exists.
func writeFixture(t *testing.T, file string, r events.Record) {
	t.Helper()
	b := store(&r, fixedSalt)
	if r.Erased() {
		b = erase(t, r.Sequence, b, r.SubjectErased, r.ActorErased)
		erased, err := events.Decode(r.Sequence, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		r = erased
	}
	var text strings.Builder
	const width = 32
	for rest := b; len(rest) > 0; {
		n := min(width, len(rest))
		text.WriteString(hex.EncodeToString(rest[:n]) + "\n")
		rest = rest[n:]
	}
	text.WriteString("\n" + describe(t, r) + "\n")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text.String()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("wrote %s", file)
}
