package gatebook_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatebook"
	"gatebook/storage"
)

// TestLostFiles removes and replaces, under an open registry, each file that it keeps beside the segments. It is
// noticed while nothing is recorded, is reported once, and is over when the file is back. Recording goes on.
func TestLostFiles(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var reports []string
	reported := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(reports)
	}
	folder := filepath.Join(t.TempDir(), "data")
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Report: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, err.Error())
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"}); err != nil {
		t.Fatal(err)
	}
	settled := func(what string, lost bool) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s: lost is %v", what, lost), func() bool {
			_, is := errors.AsType[*storage.GoneError](r.Damage())
			return is == lost && (r.Stats().Scrub.Faults == 1) == lost
		})
	}
	for name, harms := range map[string][]string{
		"head":     {"removed", "replaced"},
		"log/tail": {"replaced", "a link"},
		"lock":     {"removed"},
	} {
		path, away := filepath.Join(folder, name), filepath.Join(t.TempDir(), "away")
		for _, harm := range harms {
			if name == "head" {
				eventually(t, "all records are signed", func() bool { return r.Stats().Head.Head.Size >= r.Moment().Sequence })
			}
			settled("before", false)
			before := len(reported())
			err := os.Rename(path, away)
			switch harm {
			case "replaced":
				err = errors.Join(err, os.WriteFile(path, []byte("another"), 0o600))
			case "a link":
				err = errors.Join(err, os.Symlink(away, path))
			}
			if err != nil {
				t.Fatal(err)
			}
			what := name + " is " + harm
			settled(what, true)
			if gone, _ := errors.AsType[*storage.GoneError](r.Damage()); gone == nil || gone.File != path || r.Err() != nil {
				t.Errorf("%s: the registry says %v, and of recording %v", what, r.Damage(), r.Err())
			}
			if err := os.Rename(away, path); err != nil {
				t.Fatal(err)
			}
			settled(what+", and is back", false)
			if all := reported()[before:]; len(all) != 1 || !strings.Contains(all[0], path+" was removed or replaced while it is in use") {
				t.Errorf("%s: reported %q", what, all)
			}
		}
	}
}
