package httpd

import "testing"

func TestAccept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accept string
		takes  bool
	}{
		{"*/*", true},
		{"application/json", true},
		{"Application/JSON; charset=utf-8", true},
		{"application/*", true},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
		{"text/html, application/json;q=0.1", true},
		{"application/*;q=0, application/json", true},
		{"text/html", false},
		{"application/vnd.api+json", false},
		{"application/json;q=0", false},
		{"application/json;q=0, */*", false},
		{"application/json; q=0.000", false},
		{"application/json;q=high", false},
		{"*/*;q=0", false},
		{"", false},
	} {
		if got := takesJSON([]string{c.accept}); got != c.takes {
			t.Errorf("%q: got %v", c.accept, got)
		}
	}
	if !takesJSON([]string{"text/html", "application/json"}) {
		t.Error("the second of two headers is not seen")
	}
}
