package clients

import (
	"net/netip"
	"testing"
)

// TestLimiter fills the limits in all and of an address, and makes room again.
func TestLimiter(t *testing.T) {
	t.Parallel()
	l := newConnLimiter(3, 2)
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::2")
	neighbour := netip.MustParseAddr("2001:db8::3") // of the same network of 64 bits
	for i, step := range []struct {
		from    netip.Addr
		release bool
		room    bool
	}{
		{from: one, room: true},
		{from: one, room: true},
		{from: one, room: false}, // of its address
		{from: two, room: true},
		{from: two, room: false}, // in all
		{from: one, release: true},
		{from: two, room: true},
		{from: one, room: false},
		{from: two, release: true},
		{from: two, release: true},
		{from: one, release: true},
		{from: two, room: true},
		{from: neighbour, room: true},
		{from: two, room: false}, // of its network
		{from: neighbour, release: true},
		{from: two, release: true},
	} {
		if step.release {
			l.release(step.from)
			continue
		}
		if room := l.acquire(step.from); room != step.room {
			t.Errorf("step %d: room for %s is %v", i, step.from, room)
		}
	}
	if l.open != 0 || len(l.byAddress) != 0 {
		t.Errorf("afterwards %d are open, of %v", l.open, l.byAddress)
	}
}
