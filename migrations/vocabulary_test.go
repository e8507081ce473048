package migrations_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/migrations"
)

// TestVocabularyIsThatOfTheFormat compares the kinds of events, their fields, and the values of
// closed lists with those that the log's format has. An older program would not know a new one:
// the format rises with it, so that the program refuses the file. GATEBOOK_UPDATE=1 writes the
// list of a new format; that of a released format never changes.
func TestVocabularyIsThatOfTheFormat(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, k := range events.Kinds() {
		fmt.Fprintf(&b, "kind %d %s\n", k, k)
		writeFields(&b, reflect.TypeOf(events.New(k)).Elem(), "\t")
	}
	for n := range 256 {
		writeValue(&b, "reason", n, events.Reason(n).String())
		writeValue(&b, "type", n, events.SessionType(n).String())
		writeValue(&b, "state", n, events.ServerState(n).String())
	}
	path := filepath.Join("testdata", fmt.Sprintf("vocabulary-%d.txt", migrations.LogFormat))
	if os.Getenv("GATEBOOK_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the events are not those of %s: raise LogFormat, and keep that list as it is.\n%s", path, b.String())
	}
}

// writeFields writes the fields of a struct and of those in it, a line each.
func writeFields(b *strings.Builder, of reflect.Type, indent string) {
	for i := range of.NumField() {
		f := of.Field(i)
		if !f.IsExported() {
			continue
		}
		fmt.Fprintf(b, "%s%s %s\n", indent, f.Name, f.Type)
		element := f.Type
		for element.Kind() == reflect.Slice || element.Kind() == reflect.Pointer {
			element = element.Elem()
		}
		if element.Kind() == reflect.Struct && strings.HasPrefix(element.PkgPath(), "gatebook/") {
			writeFields(b, element, indent+"\t")
		}
	}
}

// writeValue writes a value of a closed list.
func writeValue(b *strings.Builder, list string, n int, name string) {
	if name != "" {
		fmt.Fprintf(b, "%s %d %s\n", list, n, name)
	}
}
