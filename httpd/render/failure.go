package render

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrClientGone reports that the client went away before the end of its answer. It is
// neither answered nor logged.
var ErrClientGone = errors.New("the client is gone")

// Failure is an error that is answered to the client as it stands.
type Failure struct {
	Status int
	// Title is the member error of the answer, Description the member description.
	Title, Description string
	// RetryAfter is the value of the header Retry-After, in seconds; "" for none.
	RetryAfter string
}

// Error returns the title and the description.
func (f *Failure) Error() string { return f.Title + ": " + f.Description }

// AppendJSON appends the body of the failure's answer.
func (f *Failure) AppendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"error":`...), f.Title)
	b = AppendString(append(b, `,"description":`...), f.Description)
	return append(b, "}\n"...)
}

// unknownField returns the failure of a name in the parameter fields that is no member.
func unknownField(name string, known []string) error {
	long := fmt.Sprintf("There is no member %q. ", name)
	if name == "" {
		long = "The parameter fields names no member, or has an empty name. "
	} else if like := Nearest(name, known); like != "" {
		long += fmt.Sprintf("Did you mean %s? ", like)
	}
	return &Failure{
		Status: http.StatusBadRequest, Title: "Unknown field",
		Description: long + "Known are: " + strings.Join(known, ", ") + ".",
	}
}
