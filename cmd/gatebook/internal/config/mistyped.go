package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// malformedFile tells what of a file is no TOML, or not of the type its key has: where
// it stands, which key and value it is, and what would be right.
func malformedFile(err *toml.DecodeError, text string) error {
	row, column := err.Position()
	said := strings.TrimPrefix(err.Error(), "toml: ")
	key := err.Key()
	if len(key) == 0 {
		return fmt.Errorf("line %d, column %d: %s", row, column, said)
	}
	at := strings.Join(key, ".")
	if !strings.HasPrefix(said, "cannot decode TOML") {
		return fmt.Errorf("line %d, column %d: %s: %s", row, column, at, said)
	}
	if row == 1 && column == 1 { // where no value can be: the decoder does not know
		return fmt.Errorf("%s is of another type, it must be %s", at, rightFor(key))
	}
	return fmt.Errorf("line %d, column %d: %s is %s, it must be %s", row, column, at, valueAt(text, row, column), rightFor(key))
}

// valueAt is what stands at a place, as it is written: to the end of the line, or of
// the text in quotes that begins there.
func valueAt(text string, row, column int) string {
	lines := strings.Split(text, "\n")
	if row < 1 || row > len(lines) || column < 1 || column > len(lines[row-1]) {
		return "of another type"
	}
	rest := lines[row-1][column-1:]
	switch first := rest[0]; first {
	case '"', '\'':
		if end := strings.IndexByte(rest[1:], first); end >= 0 {
			return rest[:end+2]
		}
	case '[':
		return "a list"
	case '{':
		return "a table"
	}
	rest, _, _ = strings.Cut(rest, "#")
	return strings.TrimRight(strings.TrimSpace(rest), ",]} ")
}

// untimed is a type with texts in the place of its durations. Where a number stands for
// a duration the decoder does not say; where it stands for a text it does.
func untimed(t reflect.Type) reflect.Type {
	switch {
	case t == reflect.TypeFor[Duration]():
		return reflect.TypeFor[string]()
	case t.Kind() == reflect.Pointer:
		return reflect.PointerTo(untimed(t.Elem()))
	case t.Kind() == reflect.Map:
		return reflect.MapOf(t.Key(), untimed(t.Elem()))
	case t.Kind() != reflect.Struct:
		return t
	}
	fields := reflect.VisibleFields(t)
	for i := range fields {
		fields[i].Type = untimed(fields[i].Type)
	}
	return reflect.StructOf(fields)
}

// rightFor tells what the value of a key has to be.
func rightFor(key []string) string {
	t := reflect.TypeFor[File]()
	for _, name := range key {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			field, ok := fieldOf(t, name)
			if !ok {
				return "of another type"
			}
			t = field
		}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number, without quotes"
	case reflect.String:
		return "text in quotes"
	case reflect.Slice:
		return `a list of texts like ["one", "two"]`
	}
	if t == reflect.TypeFor[Duration]() {
		return `a duration like "10s"`
	}
	return "a table like [" + strings.Join(key, ".") + "]"
}

// fieldOf is the type of the field that holds a key.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("toml") == name {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}
