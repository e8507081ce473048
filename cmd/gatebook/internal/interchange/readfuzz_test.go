package interchange_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gatebook"
	"gatebook/cmd/gatebook/internal/interchange"
	"gatebook/events"
	"gatebook/storage"
)

// exported returns the export of a small book: sessions that live, ended and were killed, and names
// that are no plain ASCII.
func exported(f *testing.F) []byte {
	f.Helper()
	folder := filepath.Join(f.TempDir(), "data")
	r, err := gatebook.Open(f.Context(), folder, gatebook.Options{})
	if err != nil {
		f.Fatal(err)
	}
	report := gatebook.Report{Source: "edge-1", Incarnation: "a"}
	for _, user := range []string{"jdoe", "山田", "<&>\u2028"} {
		report.Events = append(report.Events,
			gatebook.Reported{Key: user, Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.1"}},
			gatebook.Reported{Key: user, Event: &events.SessionReady{User: user}})
	}
	report.Events = append(report.Events, gatebook.Reported{Key: "jdoe", Event: &events.SessionClosed{Reason: events.ReasonClientClosed}})
	if _, err := r.Report(f.Context(), report); err != nil {
		f.Fatal(err)
	}
	if err := r.Close(); err != nil {
		f.Fatal(err)
	}
	text, err := written(f.Context(), folder)
	if err != nil {
		f.Fatal(err)
	}
	return text
}

// written returns what Write writes of a folder.
func written(ctx context.Context, folder string) ([]byte, error) {
	locked, err := storage.LockExisting(folder)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = interchange.Write(ctx, &b, locked, func(_, _ int64) error { return nil })
	return b.Bytes(), errors.Join(err, locked.Unlock())
}

// FuzzRead imports any text: it is an error of a line, or a log that is exported as the same text.
func FuzzRead(f *testing.F) {
	text := exported(f)
	f.Add(text)
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i := range lines {
		f.Add(bytes.Join(lines[:i], nil))
		f.Add(bytes.Join(append(append([][]byte{}, lines[:i]...), lines[min(i+1, len(lines)):]...), nil))
	}
	f.Add(bytes.Replace(text, []byte(`"gatebook":3`), []byte(`"gatebook":2`), 1))
	f.Add(append(bytes.Clone(text), "\n"...))
	parent, err := os.MkdirTemp("", "gatebook")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(parent) })
	f.Fuzz(func(t *testing.T, text []byte) {
		folder, err := os.MkdirTemp(parent, "data")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		locked, err := storage.LockFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		_, err = interchange.Read(t.Context(), bytes.NewReader(text), locked, 0, func(int64) error { return nil })
		if unlocked := locked.Unlock(); unlocked != nil {
			t.Fatal(unlocked)
		}
		if err != nil {
			if _, ok := errors.AsType[*interchange.LineError](err); !ok {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		again, err := written(t.Context(), folder)
		if err != nil {
			t.Fatalf("what was imported cannot be exported: %v", err)
		}
		// The first line of an older format is written as one of today.
		if bytes.HasPrefix(text, []byte(`{"gatebook":3,`)) && !bytes.Equal(again, text) {
			t.Fatalf("what was imported is exported as\n%s\nand was\n%s", again, text)
		}
	})
}
