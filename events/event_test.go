package events_test

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"gatebook/events"
)

// TestClean cleans events. Every text is cleaned, and nothing else changes.
func TestClean(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		before := store(&r, fixedSalt)
		dirty, err := events.Decode(r.Sequence, before, nil)
		if err != nil {
			t.Fatal(err)
		}
		events.Clean(r.Event)
		wantCleaned(t, r.Event.Kind().String(), reflect.ValueOf(dirty.Event).Elem(), reflect.ValueOf(r.Event).Elem())
	})
}

// long are the texts of up to 1,024 bytes; all others have up to 256.
var long = map[string]bool{"Program": true, "Description": true, "Why": true, "Endorsement": true, "Head": true}

func wantCleaned(t *rapid.T, field string, before, after reflect.Value) {
	t.Helper()
	switch before.Kind() {
	case reflect.Struct:
		for i := range before.NumField() {
			if f := before.Type().Field(i); f.IsExported() {
				wantCleaned(t, f.Name, before.Field(i), after.Field(i))
			}
		}
	case reflect.Slice:
		if before.Len() != after.Len() {
			t.Fatalf("%s had %d elements and has %d", field, before.Len(), after.Len())
		}
		for i := range before.Len() {
			wantCleaned(t, field, before.Index(i), after.Index(i))
		}
	case reflect.String:
		limit := 256
		if long[field] {
			limit = 1024
		}
		was, is := before.String(), after.String()
		if !utf8.ValidString(is) || len(is) > limit {
			t.Fatalf("%s is %q of %d bytes: not clean", field, is, len(is))
		}
		if whole := strings.ToValidUTF8(was, "\uFFFD"); len(whole) <= limit && is != whole {
			t.Fatalf("%s was %q and became %q", field, was, is)
		}
	default:
		if before.Interface() != after.Interface() {
			t.Fatalf("%s was %v and became %v", field, before, after)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	if got := events.TimeOf(time.Time{}); got != 0 {
		t.Errorf("the zero time became %d, want 0", got)
	}
	if got := events.Time(0).Time(); !got.IsZero() {
		t.Errorf("0 became %v, want the zero time", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		// RFC 3339 can write the years 1 to 9999.
		unix := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "unix")
		at := time.Unix(unix, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		back := events.TimeOf(at).Time()
		if want := at.Truncate(time.Microsecond); !back.Equal(want) && events.TimeOf(at) != 0 {
			t.Fatalf("%v became %v, want %v", at, back, want)
		}
		if back.Location() != time.UTC {
			t.Fatalf("%v is not in UTC", back)
		}
	})
}

// TestHasTexts looks for texts in the fields of each kind.
func TestHasTexts(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind events.Kind) {
		e := events.New(kind)
		if got, want := events.HasTexts(e), hasText(reflect.TypeOf(e).Elem()); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// hasText reports whether values of a type have texts in them.
func hasText(of reflect.Type) bool {
	switch of.Kind() {
	case reflect.String:
		return true
	case reflect.Slice:
		return hasText(of.Elem())
	case reflect.Struct:
		for i := range of.NumField() {
			if hasText(of.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
