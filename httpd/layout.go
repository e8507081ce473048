package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The media types of lists besides JSON.
const (
	contentNDJSON = "application/x-ndjson"
	contentCSV    = "text/csv"
)

// listForms are the media types in which a list is to be had, best first.
var listForms = []string{contentJSON, contentNDJSON, contentCSV}

// contentTypeOf is the value of Content-Type for a media type.
func contentTypeOf(form string) string {
	if form == contentCSV {
		return contentCSV + "; charset=utf-8; header=present"
	}
	if form == contentMetrics {
		return contentMetrics + "; version=0.0.4; charset=utf-8"
	}
	return form
}

// layout is how a list is written: what comes before, between and after its
// elements, and how one is appended.
type layout[T any] struct {
	before, between, after string
	element                func(b []byte, r *rendering, v T) ([]byte, error)
}

func layoutOf[T any](form string, pretty bool, s shape[T]) layout[T] {
	object := func(b []byte, r *rendering, v T) ([]byte, error) { return s.append(b, r, v), nil }
	switch {
	case form == contentCSV:
		columns := columnsOf(s, "")
		return layout[T]{before: headerOf(columns), element: func(b []byte, r *rendering, v T) ([]byte, error) {
			return appendRow(b, r, columns, v)
		}}
	case form == contentNDJSON:
		return layout[T]{element: func(b []byte, r *rendering, v T) ([]byte, error) { return append(s.append(b, r, v), '\n'), nil }}
	case pretty:
		return layout[T]{before: "[", between: ",", after: "]\n", element: func(b []byte, r *rendering, v T) ([]byte, error) {
			b = append(b, "\n"+indent...)
			start := len(b)
			return indented(s.append(b, r, v), start, indent)
		}}
	}
	return layout[T]{before: "[", between: ",", after: "]\n", element: object}
}

// indented makes the JSON that begins at start readable. The lines after its first
// begin with prefix.
func indented(b []byte, start int, prefix string) ([]byte, error) {
	var readable bytes.Buffer
	if err := json.Indent(&readable, b[start:], prefix, indent); err != nil {
		return b, fmt.Errorf("indent the answer: %w", err)
	}
	return append(b[:start], readable.Bytes()...), nil
}
