package config_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"gatebook/cmd/gatebook/internal/config"
)

// The table of what a client can take names each key of [limits], and no other.
func TestLimitsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/LIMITS.md")
	if err != nil {
		t.Fatal(err)
	}
	var named, keys []string
	for _, m := range regexp.MustCompile("\\*`([a-z_]+)`\\*").FindAllStringSubmatch(string(text), -1) {
		named = append(named, m[1])
	}
	for f := range reflect.TypeFor[config.APILimits]().Fields() {
		keys = append(keys, f.Tag.Get("toml"))
	}
	slices.Sort(named)
	slices.Sort(keys)
	if named = slices.Compact(named); !slices.Equal(named, keys) {
		t.Errorf("docs/LIMITS.md names %v, the keys are %v", named, keys)
	}
}
