package httpd_test

import (
	"strings"
	"testing"

	"gatebook/httpd"
)

// A client that asks for a range of bytes gets the whole list, which RFC 9110, 14.2 allows:
// the API's own range is of positions.
func TestRangeOfBytesIsIgnored(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: fillBook(t, newClock())})
	got := ask(t, client(t), "GET", "http://"+address+"/sessions", "Range: bytes=0-9", `If-Range: "16"`)
	if got.status != 200 || got.body != array(two, three)+"\n" || got.header.Get("Content-Range") != "" {
		t.Errorf("got %+v", got)
	}
}

// A client that waits to be asked for its body is answered without it when the request is
// refused.
func TestExpectedBodyThatIsNotWanted(t *testing.T) {
	t.Parallel()
	url := reportsAPI(t, httpd.Config{Limits: httpd.Limits{ReportBytes: 2000}})
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/events")
	for contentType, status := range map[string]int{"text/plain": 415, "application/json": 413} {
		r := dial(t, address)
		r.send("POST /events HTTP/1.1", "Host: localhost", "Content-Type: "+contentType, "Content-Length: 1000000", "Expect: 100-continue")
		if got := r.receive("POST"); got.status != status {
			t.Errorf("%s: got %d %s", contentType, got.status, got.body)
		}
	}
}

// An answer without a body has no length, except that of a HEAD, which has the length of the
// GET.
func TestAnswersWithoutABody(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: fillBook(t, newClock())})
	r := dial(t, address)
	for _, target := range []string{"/sessions/2", "/services/my-service", "/sessions/42", "/health"} {
		whole, head := r.ask("GET", target), r.ask("HEAD", target)
		if head.body != "" || head.status != whole.status {
			t.Errorf("HEAD %s: got %d %q, GET %d", target, head.status, head.body, whole.status)
		}
		for name := range whole.header {
			if a, b := whole.header.Get(name), head.header.Get(name); a != b && name != "Date" {
				t.Errorf("%s of %s is %q on GET and %q on HEAD", name, target, a, b)
			}
		}
	}
	if got := r.ask("OPTIONS", "/sessions"); got.status != 204 || got.header.Get("Content-Length") != "" || got.body != "" {
		t.Errorf("OPTIONS: got %+v", got)
	}
}
