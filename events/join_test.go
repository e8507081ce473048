package events_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"gatebook/events"
)

// TestJoin splits and joins the fixtures of every format: the bytes are the same. Parts that do
// not belong to the core are refused.
func TestJoin(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{fixtureFolderOfOne, fixtureFolder} {
		files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			b, want := readFixture(t, file)
			s, err := events.Split(want.Sequence, b)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			got, err := events.Join(nil, want.Sequence, s)
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s: got %x, %v, want %x", file, got, err, b)
			}
			wrong := s
			if wrong.Subject == nil {
				wrong.Subject = []byte{}
			} else {
				wrong.Subject = nil
			}
			if _, err := events.Join(nil, want.Sequence, wrong); !errors.Is(err, events.ErrDamaged) {
				t.Errorf("%s: a part too many or too few: %v", file, err)
			}
			wrong = s
			wrong.Core = s.Core[:len(s.Core)-1]
			if _, err := events.Join(nil, want.Sequence, wrong); !errors.Is(err, events.ErrDamaged) {
				t.Errorf("%s: the core is too short: %v", file, err)
			}
		}
	}
}
