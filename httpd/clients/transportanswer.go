package clients

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// notTLS is the text with which net/http refuses a client that speaks no TLS where TLS is spoken.
const notTLS = "Client sent an HTTP request to an HTTPS server."

// answerOf returns the answer with which net/http refuses a request that no handler has seen,
// as an object instead of a text or nothing; the same where it is no such answer. lineEnded is set when the
// request line was read to its end.
func answerOf(b []byte, lineEnded bool) []byte {
	status := int(statusOf(b))
	head, text, found := bytes.Cut(b, []byte("\r\n\r\n"))
	plain := string(bytes.TrimSpace(text)) == notTLS
	if !found || status < http.StatusBadRequest ||
		!plain && status != http.StatusExpectationFailed && !bytes.Contains(head, []byte("\r\nContent-Type: text/plain")) {
		return b
	}
	_, why, _ := bytes.Cut(bytes.TrimSpace(text), []byte(": "))
	title, description := "Invalid request", "The request cannot be read as HTTP."
	switch {
	case plain:
		title, description = "TLS is needed", "This API speaks TLS: the URL begins with https://."
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
