package params

import (
	"net/url"
	"strings"
	"testing"
)

// TestNumbers writes the number of each parameter in ways in which no number is written: each is
// refused with the name of the parameter and the value.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for name, right := range map[string]string{
		Sequence: "5", Size: "5", From: "5", To: "5", Session: "5", Limit: "5", After: "5", At: "5", TTL: "5", Range: "5-7",
	} {
		if _, err := Parse(url.Values{name: {right}}.Encode(), name); err != nil {
			t.Errorf("%s=%s: %v", name, right, err)
		}
		for _, prefix := range []string{"0", "00", "+", "-", " ", "0x", "_", "\u0665"} {
			value := prefix + right
			_, err := Parse(url.Values{name: {value}}.Encode(), name)
			if err == nil || !strings.Contains(err.Error(), name+"="+value) {
				t.Errorf("%s=%s: %v, want an error that names both", name, value, err)
			}
		}
	}
	for text, want := range map[string]bool{"0": true, "18446744073709551615": true, "18446744073709551616": false, "": false, "00": false, "5 ": false} {
		if _, ok := Number(text, 64); ok != want {
			t.Errorf("%q is a number: %t, want %t", text, ok, want)
		}
	}
}
