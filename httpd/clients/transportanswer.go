package clients

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// answerOf returns the answer with which net/http refuses a request that no handler has seen,
// as an object instead of a text; the same where it is no such text. lineEnded is set when the
// request line was read to its end.
func answerOf(b []byte, lineEnded bool) []byte {
	status := int(statusOf(b))
	head, text, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found || status < http.StatusBadRequest || !bytes.Contains(head, []byte("\r\nContent-Type: text/plain")) {
		return b
	}
	_, why, _ := bytes.Cut(bytes.TrimSpace(text), []byte(": "))
	title, description := "Invalid request", "The request cannot be read as HTTP."
	switch {
	case status == http.StatusRequestHeaderFieldsTooLarge && !lineEnded:
		status, title, description = http.StatusRequestURITooLong, "Request line too long", "The request line is far longer than is allowed."
	case status == http.StatusRequestHeaderFieldsTooLarge:
		title, description = "Headers too large", "The headers are far longer than is allowed."
	case status != http.StatusBadRequest:
		title, description = http.StatusText(status), "The request is of a form that is not served."
	case len(why) > 0:
		description = "The request cannot be read as HTTP: " + string(why) + "."
	}
	body, err := json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"description"`
	}{title, description})
	if err != nil {
		return b
	}
	answer := "HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) +
		"\r\nContent-Type: application/json\r\nCache-Control: private, no-cache\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)+1) + "\r\n\r\n"
	return append(append([]byte(answer), body...), '\n')
}
