package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer other than success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Short says what went wrong in a few words, Description what was wrong with which
	// value and what would be right.
	Short, Description string
	// RetryAfter is how long to wait before it is worth trying again; 0 where the server
	// does not say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if e.Description != "" {
		return e.Description
	}
	return fmt.Sprintf("%s (%d)", e.Short, e.Status)
}

// IsStatus reports whether an error is an answer of that HTTP status.
func IsStatus(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status
}

// UnreachableError reports that a server does not answer.
type UnreachableError struct {
	// Address is where it was expected.
	Address string
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from %s: %v", e.Address, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// errorLimit bounds the body of an error that is read, in bytes.
const errorLimit = 64 << 10

// errorOf returns the error that an answer is. One that no Gatebook server wrote says so.
func errorOf(answer *http.Response) error {
	e := &Error{Status: answer.StatusCode, Short: http.StatusText(answer.StatusCode)}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, errorLimit))
	var object struct {
		Error       string `json:"error"`
		Description string `json:"description"`
	}
	if err == nil && json.Unmarshal(body, &object) == nil && object.Error != "" {
		e.Short, e.Description = object.Error, object.Description
		return e
	}
	text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	e.Description = fmt.Sprintf("the answer is %d %s, and not in a form that a Gatebook server sends", e.Status, e.Short)
	if text != "" {
		e.Description += fmt.Sprintf(": %q", text)
	}
	return e
}
