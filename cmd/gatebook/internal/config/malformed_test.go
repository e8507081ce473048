package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/config"
)

// setting is a key of the file, and the type of its value.
type setting struct {
	table, key string
	of         reflect.Type
}

// settings returns the settings of a table and below it.
func settings(table string, t reflect.Type) (all []setting) {
	for i := range t.NumField() {
		s := setting{table, t.Field(i).Tag.Get("toml"), t.Field(i).Type}
		if s.of.Kind() == reflect.Pointer {
			s.of = s.of.Elem()
		}
		all = append(all, s)
		below := strings.TrimPrefix(table+"."+s.key, ".")
		switch {
		case s.of == reflect.TypeFor[config.Duration]():
		case s.of.Kind() == reflect.Struct:
			all = append(all, settings(below, s.of)...)
		case s.of.Kind() == reflect.Map:
			all = append(all, settings(below+".one", s.of.Elem())...)
		}
	}
	return all
}

// TestWrongType checks, for each setting and each value of another type, that the error
// names the place, the key and the value.
func TestWrongType(t *testing.T) {
	duration := reflect.TypeFor[config.Duration]()
	fits := map[reflect.Kind]string{
		reflect.Bool: "true", reflect.Int: "5", reflect.String: `"x"`, reflect.Slice: `["x"]`, reflect.Struct: "{}", reflect.Map: "{}",
	}
	for _, s := range settings("", reflect.TypeFor[config.File]()) {
		for written, shown := range map[string]string{
			"true": "true", "5": "5", "1.5": "1.5", `"x"`: `"x"`, "1979-05-27": "1979-05-27", "{}": "a table", `["x"]`: "a list",
		} {
			right := fits[s.of.Kind()]
			if s.of == duration {
				right = `"x"` // which is none, but that is another matter
			}
			if written == right {
				continue
			}
			text, line := s.key+" = "+written, 1
			if s.table != "" {
				text, line = "["+s.table+"]\n"+text, 2
			}
			name := strings.TrimPrefix(s.table+"."+s.key, ".")
			want := fmt.Sprintf("line %d, column %d: %s is %s, it must be ", line, len(s.key)+4, name, shown)
			if _, err := config.Parse(text); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s = %s: error %v, want one with %q", name, written, err, want)
			}
		}
	}
}
