package render

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"fields", "range", "status", "pretty"}
	for name, want := range map[string]string{
		"field": "fields", "feilds": "fields", "stat": "status", "Range": "range", "rnage": "range",
		"preety": "pretty", "x": "", "": "", "limit": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
