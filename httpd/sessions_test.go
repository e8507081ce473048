package httpd

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gatebook/httpd/render"
)

// FuzzFields checks that a selection shows what it names, in the documented order,
// and nothing else.
func FuzzFields(f *testing.F) {
	for _, fields := range []string{"id", "idle,id", "statistics.reads,user", "statistics,statistics.bytes_read", "*", "id,*", "", ",", "statistics.", "closed"} {
		f.Add(fields)
	}
	sessions := sessionResource()
	known := sessions.Names()
	f.Fuzz(func(t *testing.T, fields string) {
		asked := strings.Split(fields, ",")
		s, err := sessions.Shape(asked)
		if err != nil {
			if refusal, ok := errors.AsType[*render.Failure](err); !ok || refusal.Status != 400 || !strings.Contains(refusal.Description, "statistics.bytes_written") {
				t.Fatalf("%q: %v does not say what is known", fields, err)
			}
			return
		}
		shown := s.Names()
		for _, name := range asked {
			outer, _, _ := strings.Cut(name, ".")
			if name != "*" && !slices.Contains(shown, name) && !slices.Contains(shown, outer+".reads") {
				t.Errorf("%q: %s is missing in %v", fields, name, shown)
			}
		}
		for _, name := range shown {
			outer, _, _ := strings.Cut(name, ".")
			if !slices.Contains(asked, "*") && !slices.Contains(asked, name) && !slices.Contains(asked, outer) {
				t.Errorf("%q: %s was not asked for", fields, name)
			}
		}
		position := -1
		for _, name := range shown {
			i := slices.Index(known, name)
			if i <= position {
				t.Errorf("%q: %s is out of order in %v", fields, name, shown)
			}
			position = i
		}
	})
}
