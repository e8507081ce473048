package migrations_test

import (
	"errors"
	"strings"
	"testing"

	"gatebook/migrations"
)

func TestCheckLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		format uint32
		ok     bool
		newer  bool
	}{
		{"none", 0, false, false},
		{"the first", 1, true, false},
		{"the one that is written", migrations.LogFormat, true, false},
		{"the next", migrations.LogFormat + 1, false, true},
		{"the last there can be", 1<<32 - 1, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := migrations.CheckLog("data/log.db", c.format)
			if (err == nil) != c.ok {
				t.Fatalf("format %d: got %v, want it accepted: %v", c.format, err, c.ok)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), "data/log.db") {
				t.Errorf("the error does not name the file: %v", err)
			}
			var newer *migrations.NewerError
			if errors.As(err, &newer) != c.newer {
				t.Fatalf("got %v, want a NewerError: %v", err, c.newer)
			}
			want := migrations.NewerError{File: "data/log.db", Format: c.format, Know: migrations.LogFormat}
			if c.newer && *newer != want {
				t.Errorf("got %+v, want %+v", *newer, want)
			}
		})
	}
}
