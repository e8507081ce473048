package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// decode reads text into file. An error names what does not belong there, with its line.
//
// The decoder has no position for a value that an UnmarshalText refuses and that is no
// text, and takes {} for any of these types. So [Parse] decodes twice: first into texts
// where there are durations, which finds every value of the wrong type and its position.
func decode(text string, file any) error {
	err := toml.NewDecoder(strings.NewReader(text)).DisallowUnknownFields().Decode(file)
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return unknownKeys(unknown)
	}
	if malformed, ok := errors.AsType[*toml.DecodeError](err); ok {
		return placeOf(malformed, text)
	}
	return err
}

// untimed returns a type with texts in the place of its durations.
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

// unknownKeys returns an error for each key that the file cannot have.
func unknownKeys(err *toml.StrictMissingError) error {
	var all []error
	for i := range err.Errors {
		e := &err.Errors[i]
		row, _ := e.Position()
		key := e.Key()
		message := fmt.Sprintf("line %d: unknown key %q", row, strings.Join(key, "."))
		if !slices.Contains(keysIn(nil), key[0]) { // [server.db-1] is wrong from its first part
			key = key[:1]
		}
		last := len(key) - 1
		if near := nearest(key[last], keysIn(key[:last])); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		all = append(all, &malformedError{row: row, key: e.Key(), text: message})
	}
	return errors.Join(all...) // joined even if it is one: it is not the value that is wrong
}

// malformedFile returns the error for a file that is no TOML, or has a value of the wrong
// type: its place, its key, the value and what would be right.
func malformedFile(err *toml.DecodeError, text string) error {
	row, column := err.Position()
	said := strings.TrimPrefix(err.Error(), "toml: ")
	key := keyAt(err.Key(), text, row, column)
	if len(key) == 0 {
		return fmt.Errorf("line %d, column %d: %s", row, column, said)
	}
	at := strings.Join(key, ".")
	if !strings.HasPrefix(said, "cannot decode TOML") {
		return fmt.Errorf("line %d, column %d: %s: %s", row, column, at, said)
	}
	if row == 1 && column == 1 { // where no value can be: the decoder does not know the place
		return fmt.Errorf("%s is of another type, it must be %s", at, rightFor(key))
	}
	return fmt.Errorf("line %d, column %d: %s is %s, it must be %s", row, column, at, valueAt(text, row, column), rightFor(key))
}

// valueAt returns the value at a place of the text as it is written: to the end of the
// line, or of the text in quotes that begins there.
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
	return rest[:valueLength(rest)]
}

// rightFor returns what the value of a key has to be.
func rightFor(key []string) string {
	t := typeAt(key)
	switch {
	case t == nil:
		return "of another type"
	case t == reflect.TypeFor[Duration]():
		return `a duration like "10s"`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number, without quotes"
	case reflect.String:
		return "text in quotes"
	case reflect.Slice:
		return `a list of texts like ["one", "two"]`
	default:
		return "a table like [" + strings.Join(key, ".") + "]"
	}
}

// typeAt returns the type of the value that a key has, or nil where there is no such key.
func typeAt(key []string) reflect.Type {
	t := reflect.TypeFor[File]()
	for _, name := range key {
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			i := slices.Index(tags(t), name)
			if i < 0 {
				return nil
			}
			t = t.Field(i).Type
		}
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return t
}

// keysIn returns the keys that the table of a key can have. It returns nil where any key
// is a name that the file gives.
func keysIn(table []string) []string {
	t := typeAt(table)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	return tags(t)
}

// tags returns the key of each field of a struct.
func tags(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("toml")
	}
	return keys
}
