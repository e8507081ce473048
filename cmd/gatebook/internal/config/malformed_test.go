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

// TestAllMistakes reads a file with several values of a wrong type, values that are no
// durations, and unknown keys: all are named at once, each with its line.
func TestAllMistakes(t *testing.T) {
	t.Parallel()
	_, err := config.Parse(`data = 5
listen = ["a", # not a list
  "b"]
hosts = "one"
statistics_interval = "often"
lisen = "x"

[servers.db-1]
address = 3306
drain = "yes"

[servers.db-2]
address = true

[services.orders]
protocol = 'mysql'
listen = ["127.0.0.1:1", 2]
idle_timeout = 8
login_timeout = "soon"
max_sessions = "many" # none
tls = { certificate = 1, key = "k" }
`)
	want := `line 1, column 8: data is 5, it must be text in quotes
line 2, column 10: listen is a list, it must be text in quotes
line 4, column 9: hosts is "one", it must be a list of texts like ["one", "two"]
line 5, column 23: statistics_interval: "often" is no duration; write one like "500ms", "10s", "8h" or "30d"
line 6: unknown key "lisen"; did you mean "listen"?
line 9, column 11: servers.db-1.address is 3306, it must be text in quotes
line 10, column 9: servers.db-1.drain is "yes", it must be true or false
line 13, column 11: servers.db-2.address is true, it must be text in quotes
line 17, column 26: services.orders.listen is 2, it must be a list of texts like ["one", "two"]
line 18, column 16: services.orders.idle_timeout is 8, it must be a duration like "10s"
line 19, column 17: services.orders.login_timeout: "soon" is no duration; write one like "500ms", "10s", "8h" or "30d"
line 20, column 16: services.orders.max_sessions is "many", it must be a whole number, without quotes
line 21, column 23: services.orders.tls.certificate is 1, it must be text in quotes`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
