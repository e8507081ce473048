package render

import (
	"net/http"
	"testing"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	const ndjson, csv, none = "application/x-ndjson", "text/csv", ""
	for _, c := range []struct {
		accept, want string
	}{
		{"*/*", JSON},
		{"application/json", JSON},
		{"Application/JSON; charset=utf-8", JSON},
		{"application/*", JSON},
		{"text/*", csv},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON},
		{"text/html, application/json;q=0.1", JSON},
		{"application/*;q=0, application/json", JSON},
		{"text/csv, application/json", JSON}, // equally liked: ours decides
		{"text/csv, application/json;q=0.9", csv},
		{"*/*;q=0.1, application/x-ndjson;q=0.2", ndjson},
		{"application/json;q=0.5, application/*", ndjson},
		{"application/json;q=0, */*", ndjson},
		{"application/json;q=0, application/x-ndjson;q=0.000, */*;q=1.0", csv},
		{"TEXT/CSV ; Q=0.001", csv},
		{"text/html", none},
		{"application/vnd.api+json", none},
		{"application/json;q=0", none},
		{"application/json;q=high", none},
		{"application/json;q=2", none},
		{"application/json;q=NaN", none},
		{"application/json;q=-1", none},
		{"application/json;q=0.12345", none},
		{"*/*;q=0", none},
		{"", JSON},
		{" , ", JSON},
	} {
		got, err := negotiateForm(http.Header{"Accept": {c.accept}}, []string{JSON, ndjson, csv})
		if got != c.want || (err != nil) != (c.want == none) {
			t.Errorf("%q: got %q, %v", c.accept, got, err)
		}
	}
	got, _ := negotiateForm(http.Header{"Accept": {"text/html", "text/csv"}}, []string{JSON, csv})
	if got != csv {
		t.Error("the second of two headers is not seen")
	}
	if got, _ := negotiateForm(nil, []string{JSON, csv}); got != JSON {
		t.Errorf("without the header: got %q", got)
	}
}
