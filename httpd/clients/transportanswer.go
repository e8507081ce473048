package clients

import (
	"bytes"
	"fmt"
	"net/http"

	"gatebook/httpd/render"
)

// answerOf returns the answer with which net/http refuses a request that no handler has seen,
// as an object instead of a text or nothing; the same where it is no such answer. lineEnded is set when the
// request line was read to its end.
func answerOf(b []byte, lineEnded bool) []byte {
	status := int(statusOf(b))
	head, text, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found || status < http.StatusBadRequest ||
		status != http.StatusExpectationFailed && !bytes.Contains(head, []byte("\r\nContent-Type: text/plain")) {
		return b
	}
	_, why, _ := bytes.Cut(bytes.TrimSpace(text), []byte(": "))
	title, description := "Invalid request", "The request cannot be read as HTTP."
	switch {
	case status == http.StatusExpectationFailed:
		title, description = "Expectation failed", "The header Expect can be met for 100-continue alone."
	case status == http.StatusRequestHeaderFieldsTooLarge && !lineEnded:
		status, title, description = http.StatusRequestURITooLong, "Request line too long", "The request line is far longer than is allowed."
	case status == http.StatusRequestHeaderFieldsTooLarge:
		title, description = "Headers too large", "The headers are far longer than is allowed."
	case status != http.StatusBadRequest:
		title, description = http.StatusText(status), "The request is of a form that is not served."
	case len(why) > 0:
		description = "The request cannot be read as HTTP: " + string(why) + "."
	}
	return appendAnswer(nil, status, title, description)
}

// appendAnswer appends an answer with an error, after which the connection is closed.
func appendAnswer(b []byte, status int, title, description string) []byte {
	body := (&render.Failure{Status: status, Title: title, Description: description}).AppendJSON(nil)
	return fmt.Appendf(b, "HTTP/1.1 %d %s\r\nContent-Type: "+render.JSON+"\r\nCache-Control: private, no-cache\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}
