package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// column is a member as CSV has it: one that is no object, under a dotted name.
type column[T any] struct {
	name  string
	value value[T]
}

// columnsOf are the columns of a shape. A member that only some objects have has a
// column all the same.
func columnsOf[T any](s shape[T], prefix string) []column[T] {
	var all []column[T]
	for i := range s {
		name := prefix + strings.Trim(s[i].key, `,":`)
		if s[i].inner != nil {
			all = append(all, columnsOf(s[i].inner, name+".")...)
			continue
		}
		all = append(all, column[T]{name, s[i].value})
	}
	return all
}

// headerOf is the first line of CSV.
func headerOf[T any](columns []column[T]) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ",") + "\r\n"
}

// appendRow appends an object as a line of CSV, as RFC 4180 has it.
func appendRow[T any](b []byte, r *rendering, columns []column[T], v T) ([]byte, error) {
	var err error
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		b = columns[i].value(b, r, v)
		if b, err = toCell(b, start); err != nil {
			return b, fmt.Errorf("column %s: %w", columns[i].name, err)
		}
	}
	return append(b, '\r', '\n'), nil
}

// toCell makes a cell of the JSON value that begins at start: null is empty, a
// string is bare, an array has commas between its elements.
func toCell(b []byte, start int) ([]byte, error) {
	raw := b[start:]
	switch raw[0] {
	case 'n':
		return b[:start], nil
	case '"':
		if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
			return appendCell(b[:start], string(inner)), nil
		}
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return b, err
		}
		return appendCell(b[:start], text), nil
	case '[':
		var texts []string
		if err := json.Unmarshal(raw, &texts); err != nil {
			return b, err
		}
		return appendCell(b[:start], strings.Join(texts, ", ")), nil
	}
	return b, nil
}

// appendCell appends a text as a cell. One that a spreadsheet would take for a
// formula gets an apostrophe, which makes it a text there too.
func appendCell(b []byte, text string) []byte {
	formula := text != "" && strings.IndexByte("=+-@", text[0]) >= 0
	if !formula && !strings.ContainsAny(text, ",\"\r\n") {
		return append(b, text...)
	}
	b = append(b, '"')
	if formula {
		b = append(b, '\'')
	}
	b = append(b, strings.ReplaceAll(text, `"`, `""`)...)
	return append(b, '"')
}
