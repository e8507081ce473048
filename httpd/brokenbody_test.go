package httpd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"gatebook/httpd"
)

// A body that breaks off or is malformed is answered while the client reads: the client has to
// know that nothing of it was recorded.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: openBook(t, newClock())})
	const (
		chunked = "Transfer-Encoding: chunked"
		cut     = `"error":"Report incomplete","description":"The body was cut off: less came than Content-Length says, or the last chunk is missing.`
		broken  = `"error":"Invalid report","description":"The body cannot be taken apart into the chunks that Transfer-Encoding announces: `
	)
	first := "3e\r\n" + `{"source":"edge-1","incarnation":"a","events":[]}` + strings.Repeat(" ", 12) + "\n\r\n"
	for name, try := range map[string]struct {
		contentType, length, body string
		// leave closes the sending half behind the body.
		leave bool
		says  string
	}{
		"shorter than it says":  {"application/json", "Content-Length: 500", `{"source":"edge-1"`, true, cut},
		"nothing of it":         {"application/json", "Content-Length: 500", "", true, cut},
		"within a chunk":        {"application/json", chunked, "20\r\n{\"source\"", true, cut},
		"before the last chunk": {"application/json", chunked, first, true, cut},
		"no size of a chunk":    {"application/json", chunked, "many\r\n{}\r\n0\r\n\r\n", false, broken + "invalid byte in chunk length"},
		"a chunk too long":      {"application/json", chunked, "2\r\n{}}\r\n0\r\n\r\n", false, broken + "malformed chunked encoding"},
		"a stream cut":          {ndjson, chunked, first + "20\r\n{\"source\"", true, `{"status":400,` + cut},
		"a stream without end":  {ndjson, chunked, first, true, `{"status":400,` + cut},
		"a stream of nonsense":  {ndjson, chunked, first + "many\r\n", false, `{"status":400,` + broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, address)
			c.send("POST /events HTTP/1.1", "Host: localhost", "Content-Type: "+try.contentType, try.length)
			_, err := io.WriteString(c, try.body)
			check(t, err)
			if try.leave {
				check(t, c.CloseWrite())
			}
			got, status := c.receive("POST"), http.StatusBadRequest
			if try.contentType == ndjson {
				status = http.StatusOK // of the stream: each line has its own
			}
			if got.status != status || !strings.Contains(got.body, try.says) {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if streamed := strings.HasPrefix(got.body, `{"status":200,"accepted":0`); streamed != (try.contentType == ndjson) {
				t.Errorf("before it broke off: got %s", got.body)
			}
		})
	}
}
