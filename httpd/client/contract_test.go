package client_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel/high/base"

	"gatebook/httpd/client"
)

// The types have the members that the contract describes, and no others, each in a Go type
// that takes its values.
func TestTypesAreTheContracts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../openapi.yaml")
	check(t, err)
	document, err := libopenapi.NewDocument(text)
	check(t, err)
	model, err := document.BuildV3Model()
	check(t, err)
	for schema, v := range map[string]any{
		"Session": client.Session{}, "Connection": client.Connection{}, "Statistics": client.Statistics{}, "Rates": client.Rates{},
		"Service": client.Service{}, "Listener": client.Listener{}, "Server": client.Server{}, "Source": client.Source{},
		"Killed": client.Killed{}, "LeftRunning": client.LeftRunning{}, "Version": client.Version{}, "Event": client.Event{}, "Final": client.Final{},
		"Token": client.Token{}, "MadeToken": client.MadeToken{}, "NewToken": client.NewToken{},
		"RecordProof": client.RecordProof{}, "TreeProof": client.TreeProof{}, "StoredRecord": client.StoredRecord{},
	} {
		described := model.Model.Components.Schemas.GetOrZero(schema)
		if described == nil {
			t.Errorf("%s is not described", schema)
			continue
		}
		members := make(map[string]reflect.Type)
		for f := range reflect.TypeOf(v).Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				members[name] = f.Type
			}
		}
		for name, property := range described.Schema().Properties.FromOldest() {
			field, ok := members[name]
			if !ok {
				t.Errorf("%s has no member %q", schema, name)
				continue
			}
			delete(members, name)
			if kind := kindOf(property.Schema()); kind != "" && !takes(field, kind) {
				t.Errorf("%s.%s is a %s, and %s in the contract", schema, name, field, kind)
			}
		}
		for name := range members {
			t.Errorf("%s has a member %q, which the contract does not know", schema, name)
		}
	}
}

// kindOf returns the type of a member in the contract, with its format; "" for one of a
// list of words.
func kindOf(s *base.Schema) string {
	types := slices.DeleteFunc(slices.Clone(s.Type), func(t string) bool { return t == "null" })
	if s.Format == "date-time" {
		return "date-time"
	}
	return strings.Join(types, ",")
}

// takes reports whether a Go type takes the values of a type of the contract.
func takes(t reflect.Type, kind string) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch kind {
	case "string":
		return t.Kind() == reflect.String
	case "date-time":
		return t.String() == "time.Time"
	case "integer":
		return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
	case "number":
		return t.Kind() == reflect.Float64
	case "boolean":
		return t.Kind() == reflect.Bool
	case "array":
		return t.Kind() == reflect.Slice
	case "object":
		return t.Kind() == reflect.Struct
	}
	return false
}
