package projection_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"gatebook/projection"
)

func TestNameKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"", ""},
		{"orders-rw", "orders-rw"},
		{"Orders RW", "orders-rw"},
		{"orders\trw", "orders-rw"},
		{"orders\u00a0rw", "orders-rw"},
		{" orders ", "-orders-"},
		{"orders_rw", "orders_rw"},
		{"orders\nrw", "orders\nrw"},
		{"CAF\u00c9", "caf\u00e9"},
		{"Cafe\u0301", "caf\u00e9"},
		{"CAFE\u0301", "caf\u00e9"},
		{"\u212aelvin", "kelvin"},
		{"\u212bngstr\u00f6m", "\u00e5ngstr\u00f6m"},
		{"J\u030cH\u0331", "\u01f0\u1e96"}, // only in lower case they are one letter
		{"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"Straße", "straße"},
		{"订单", "订单"},
		{"\xffx", "\uFFFDx"},
	} {
		if got := projection.NameKey(c.name); got != c.want {
			t.Errorf("the key of %q is %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNameKeyProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(
			rapid.String(),
			rapid.StringOf(rapid.SampledFrom([]rune("aA zZ\t-\u00a0éÉe\u0301\u0323İıK\u212aςσΣ\u212b\u0345"))),
		).Draw(t, "name")
		key := projection.NameKey(name)
		for _, c := range []struct{ what, name string }{
			{"its key", key},
			{"its NFC", norm.NFC.String(name)},
			{"its NFD", norm.NFD.String(name)},
			{"it with hyphens for blanks", strings.NewReplacer(" ", "-", "\t", "-", "\u00a0", "-").Replace(name)},
		} {
			if got := projection.NameKey(c.name); got != key {
				t.Errorf("the key of %q is %q, that of %s is %q", name, key, c.what, got)
			}
		}
		if !norm.NFC.IsNormalString(key) || strings.ContainsAny(key, " \t\u00a0") {
			t.Errorf("the key of %q is %q", name, key)
		}
		// Not with all letters: the Turkish ones and the final sigma have several
		// cases.
		mixed := rapid.StringOf(rapid.SampledFrom([]rune("abzABZäÄéÉñøåÅжЖяω 09-.̣́"))).Draw(t, "mixed name")
		lower, upper := projection.NameKey(strings.ToLower(mixed)), projection.NameKey(strings.ToUpper(mixed))
		if key := projection.NameKey(mixed); lower != key || upper != key {
			t.Errorf("the key of %q is %q, in lower case %q, in upper case %q", mixed, key, lower, upper)
		}
	})
}
