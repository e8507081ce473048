package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The media types of answers.
const (
	JSON   = "application/json"
	NDJSON = "application/x-ndjson"
	CSV    = "text/csv"
)

// ListForms returns the media types that a list can have, best first.
func ListForms() []string { return []string{JSON, NDJSON, CSV} }

// ContentType returns the value of Content-Type for a media type.
func ContentType(form string) string {
	if form == CSV {
		return CSV + "; charset=utf-8; header=present"
	}
	return form
}

// layout is how a list is written: the text before, between and after its elements, and how
// an element is appended.
type layout[T any] struct {
	before, between, after string
	element                func(b []byte, r *Rendering, v T) ([]byte, error)
}

func layoutOf[T any](form string, pretty bool, s Shape[T]) layout[T] {
	object := func(b []byte, r *Rendering, v T) ([]byte, error) { return s.Append(b, r, v), nil }
	switch {
	case form == CSV:
		columns := columnsOf(s, "")
		return layout[T]{before: strings.Join(s.Names(), ",") + "\r\n", element: func(b []byte, r *Rendering, v T) ([]byte, error) {
			return appendRow(b, r, columns, v)
		}}
	case form == NDJSON:
		return layout[T]{element: func(b []byte, r *Rendering, v T) ([]byte, error) { return append(s.Append(b, r, v), '\n'), nil }}
	case pretty:
		return layout[T]{before: "[", between: ",", after: "]\n", element: func(b []byte, r *Rendering, v T) ([]byte, error) {
			b = append(b, "\n"+indent...)
			start := len(b)
			return indented(s.Append(b, r, v), start, indent)
		}}
	}
	return layout[T]{before: "[", between: ",", after: "]\n", element: object}
}

// indent is what indented JSON indents by.
const indent = "    "

// Indented returns a JSON value with the lines and blanks that make it readable.
func Indented(value []byte) ([]byte, error) { return indented(value, 0, "") }

// indented is [Indented] for the value that begins at start. Its lines after the first begin
// with prefix.
func indented(b []byte, start int, prefix string) ([]byte, error) {
	var readable bytes.Buffer
	if err := json.Indent(&readable, b[start:], prefix, indent); err != nil {
		return b, fmt.Errorf("indent the answer: %w", err)
	}
	return append(b[:start], readable.Bytes()...), nil
}
