package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"gatebook/projection"
)

// checkFolded returns an error for each two names of a table that the book takes for one: each would
// get the other's sessions.
func checkFolded[T any](table string, named map[string]T) error {
	var all []error
	first := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		key := projection.NameKey(name)
		if other, taken := first[key]; taken {
			all = append(all, fmt.Errorf("%s.%q and %s.%q are one name: capitals, blanks and hyphens do not count; give one of them another name", table, other, table, name))
			continue
		}
		first[key] = name
	}
	return errors.Join(all...)
}

// checkSpelled returns an error for each two keys of a table that the decoder takes for one because
// it ignores capitals, of which it would read the last one alone.
func checkSpelled(text string) error {
	var all map[string]any
	if err := toml.Unmarshal([]byte(text), &all); err != nil {
		return nil // the decoder says it better
	}
	return errors.Join(spelledTwice(all, reflect.TypeFor[File](), nil)...)
}

// spelledTwice returns the errors for a table of that type, whose key is at.
func spelledTwice(table map[string]any, t reflect.Type, at []string) []error {
	var all []error
	first := make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(table)) {
		path := append(slices.Clone(at), key)
		inner := t.Elem
		if t.Kind() == reflect.Struct {
			folded := strings.ToLower(key)
			if other, taken := first[folded]; taken {
				all = append(all, fmt.Errorf("%s and %s are one key: write it once, in small letters", strings.Join(append(slices.Clone(at), other), "."), strings.Join(path, ".")))
			}
			first[folded] = key
			i := slices.Index(tags(t), folded)
			if i < 0 {
				continue
			}
			inner = func() reflect.Type { return t.Field(i).Type }
		}
		below, isTable := table[key].(map[string]any)
		if next := pointed(inner()); isTable && (next.Kind() == reflect.Struct || next.Kind() == reflect.Map) {
			all = append(all, spelledTwice(below, next, path)...)
		}
	}
	return all
}

// pointed returns the type that a pointer points to, and any other type as it is.
func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
