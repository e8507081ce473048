package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// column is a column of CSV: a member that is no object itself, under a dotted name.
type column[T any] struct {
	name  string
	value Value[T]
}

// columnsOf returns the columns of a shape. A member that only some objects have is a column
// of all.
func columnsOf[T any](s Shape[T], prefix string) []column[T] {
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

// Names returns the dotted names of the members that are no objects themselves, in order:
// the columns of CSV.
func (s Shape[T]) Names() []string {
	columns := columnsOf(s, "")
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// appendRow appends an object as a line of CSV, in the form of RFC 4180.
func appendRow[T any](b []byte, r *Rendering, columns []column[T], v T) ([]byte, error) {
	var err error
	begin := len(b)
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
	if len(b) == begin && len(columns) == 1 { // a blank line is no row for many programs
		b = append(b, '"', '"')
	}
	return append(b, '\r', '\n'), nil
}

// toCell turns the JSON value that begins at start into a cell. Null is empty, a string has
// no quotes of JSON, and the elements of an array are joined by commas.
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

const (
	// formulaStarts has the characters that begin a formula in a spreadsheet, with the
	// full-width and small forms that some programs read as the same.
	formulaStarts = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
	// cellEnds has the characters that end a cell for a program whose separator is not the
	// comma, and which therefore sees no quotes.
	cellEnds = ";\t\r\n"
)

// appendCell appends a text as a cell. It puts an apostrophe before each part that a
// spreadsheet could take for a formula, which turns the part into a text there. A control
// character at the beginning, which no name needs, counts as a formula.
func appendCell(b []byte, text string) []byte {
	first, _ := utf8.DecodeRuneInString(text)
	formula := unicode.IsControl(first) || beginsFormula(text)
	if !formula && !strings.ContainsAny(text, ",\""+cellEnds) {
		return append(b, text...)
	}
	b = append(b, '"')
	for text != "" {
		if formula {
			b = append(b, '\'')
		}
		rest := ""
		if end := strings.IndexAny(text, cellEnds); end >= 0 {
			rest = strings.TrimLeft(text[end:], cellEnds)
		}
		b = append(b, strings.ReplaceAll(text[:len(text)-len(rest)], `"`, `""`)...)
		text, formula = rest, beginsFormula(rest)
	}
	return append(b, '"')
}

// beginsFormula reports whether a spreadsheet could take a cell of that text for a
// formula. It skips white space, control and format characters and quotes, which programs
// drop before they look, each program others.
func beginsFormula(text string) bool {
	if text != "" && text[0] > ' ' && text[0] != '"' && text[0] < 0x7f { // the common case
		return strings.IndexByte(formulaStarts, text[0]) >= 0
	}
	text = strings.TrimLeftFunc(text, func(r rune) bool {
		return r == '"' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	start, size := utf8.DecodeRuneInString(text)
	return size > 0 && strings.ContainsRune(formulaStarts, start)
}
