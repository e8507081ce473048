package gateway

import (
	"net/netip"
	"testing"
)

// TestCanonical checks that an address is on the record in one way alone.
func TestCanonical(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1":          "192.0.2.1",
		"::ffff:192.0.2.1":   "192.0.2.1",
		"2001:DB8:0:0::1":    "2001:db8::1",
		"fe80::1%eth0":       "fe80::1",
		"::ffff:c000:0201%x": "192.0.2.1",
	} {
		if got := canonical(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
