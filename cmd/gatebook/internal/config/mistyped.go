package config

import (
	"cmp"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// mostMistyped bounds how many values of a wrong type one reading of a file names.
const mostMistyped = 20

// decodeAll reads text into file. An error names each value of a wrong type and each unknown
// key. It returns the text in which the values of a wrong type are
// replaced by right ones, so that another reading can find what else is wrong.
//
// The decoder stops at the first value of a wrong type, so the text is read again without it.
func decodeAll(text string, file func() any) (string, error) {
	var all []error
	for {
		err := decode(text, file())
		malformed, ok := err.(*malformedError) //nolint:errorlint // unknown keys are several, joined
		if !ok {
			return text, errors.Join(append(all, err)...)
		}
		all = append(all, err)
		mended, ok := malformed.mend(text)
		if !ok || len(all) == mostMistyped {
			return text, errors.Join(all...)
		}
		text = mended
	}
}

// malformedError is what is wrong with a key or its value.
type malformedError struct {
	row, column int
	key         []string
	text        string
}

func (e *malformedError) Error() string { return e.text }

// mend returns the text with a right value in the place of the wrong one; false where the
// place or the right value is not known.
func (e *malformedError) mend(text string) (string, bool) {
	t := typeAt(e.key)
	start := offsetOf(text, e.row, e.column)
	if t == nil || start < 0 {
		return "", false
	}
	end := start + valueLength(text[start:])
	wrong, right := text[start:end], zeroOf(t)
	if t.Kind() == reflect.Slice && !strings.HasSuffix(strings.TrimSpace(text[:start]), "=") {
		right = zeroOf(t.Elem()) // an element of the list
	}
	if wrong == right {
		return "", false
	}
	// Lines and columns of what follows stay where they are, as far as the length allows.
	padding := strings.Repeat(" ", max(0, len(wrong)-len(right)-strings.Count(wrong, "\n")))
	if rest, _, _ := strings.Cut(text[end:], "\n"); strings.Contains(wrong, "\n") && strings.TrimSpace(rest) == "" {
		return text[:start] + right + strings.Repeat("\n", strings.Count(wrong, "\n")) + text[end:], true
	}
	return text[:start] + right + padding + text[end:], true
}

// zeroOf returns a value that a key of that type can have.
func zeroOf(t reflect.Type) string {
	if t == reflect.TypeFor[Duration]() {
		return `"1s"`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "false"
	case reflect.Int:
		return "0"
	case reflect.String:
		return `""`
	case reflect.Slice:
		return "[]"
	}
	return "{}"
}

// valueLength returns the length of the TOML value that a text begins with.
func valueLength(text string) int {
	depth := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			i += quotedLength(text[i:])
			if depth == 0 {
				return min(i, len(text))
			}
			continue
		case c == '[' || c == '{':
			depth++
		case (c == ']' || c == '}') && depth > 0:
			if depth--; depth == 0 {
				return i + 1
			}
		case c == '#' && depth > 0:
			i += max(0, strings.IndexByte(text[i:], '\n'))
		case depth == 0 && strings.ContainsRune(",]}#\n\r", rune(c)):
			return len(strings.TrimRight(text[:i], " \t"))
		}
		i++
	}
	return len(text)
}

// quotedLength returns the length of the string that a text begins with.
func quotedLength(text string) int {
	quote := text[:1]
	if strings.HasPrefix(text, strings.Repeat(quote, 3)) {
		quote = text[:3]
	}
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote[0] == '"':
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		}
	}
	return len(text)
}

// inOrder returns the errors of several readings of one file, each once, in the order of
// their lines.
func inOrder(errs ...error) error {
	var all []error
	seen := make(map[string]bool)
	for _, err := range errs {
		for _, one := range parts(err) {
			if !seen[one.Error()] {
				seen[one.Error()] = true
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b error) int { return cmp.Compare(rowOf(a), rowOf(b)) })
	return errors.Join(all...)
}

// rowOf returns the line of an error. Errors without a line come last.
func rowOf(err error) int {
	if e, ok := errors.AsType[*malformedError](err); ok {
		return e.row
	}
	return math.MaxInt
}

// parts returns the errors that were joined, all the way down.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // it is looked into on purpose
	if !ok {
		return slices.DeleteFunc([]error{err}, func(err error) bool { return err == nil })
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, parts(one)...)
	}
	return all
}

// placeOf returns what is wrong with the value of a key in a text, as an error of the decoder
// names it.
func placeOf(err *toml.DecodeError, text string) error {
	row, column := err.Position()
	return &malformedError{row: row, column: column, key: keyAt(err.Key(), text, row, column), text: malformedFile(err, text).Error()}
}

// keyAt returns the key of the value at a place. Of a value in an inline table the decoder
// names the table alone.
func keyAt(key []string, text string, row, column int) []string {
	at := offsetOf(text, row, column)
	if t := typeAt(key); len(key) == 0 || at < 0 || t == nil || t.Kind() != reflect.Struct {
		return key
	}
	before, ok := strings.CutSuffix(strings.TrimRight(text[:at], " \t"), "=")
	before = strings.TrimRight(before, " \t")
	name := before[strings.LastIndexAny(before, " \t\n,{")+1:]
	if !ok || name == key[len(key)-1] || typeAt(append(slices.Clone(key), name)) == nil {
		return key
	}
	return append(slices.Clone(key), name)
}

// offsetOf returns the index of a place in a text, -1 where it is not known.
func offsetOf(text string, row, column int) int {
	lines := strings.SplitAfter(text, "\n")
	if row < 1 || row > len(lines) || row == 1 && column == 1 {
		return -1
	}
	at := len(strings.Join(lines[:row-1], "")) + column - 1
	if at >= len(text) {
		return -1
	}
	return at
}
