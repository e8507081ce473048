package clients

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// TestFailedLogins counts one address over three intervals.
func TestFailedLogins(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	f := newFailedLogins(func() time.Time { return now })
	client, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	count := func(from netip.Addr, wantMore int, wantDue bool) {
		t.Helper()
		if more, due := f.count(from); more != wantMore || due != wantDue {
			t.Errorf("%s at %s: got %d, %v, want %d, %v", from, now, more, due, wantMore, wantDue)
		}
	}
	count(client, 0, true)
	count(client, 0, false)
	count(other, 0, true)
	now = now.Add(failedLoginInterval - time.Nanosecond)
	count(client, 0, false)
	now = now.Add(time.Nanosecond)
	count(client, 2, true)
	count(client, 0, false)
	now = now.Add(failedLoginInterval)
	count(client, 1, true)
	count(other, 0, true)
}

// TestFailedLoginsAreBounded counts more addresses than are remembered. Those whose interval
// is over are forgotten first.
func TestFailedLoginsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	f := newFailedLogins(func() time.Time { return now })
	address := func(n int) netip.Addr {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n))))
	}
	for n := range failedLoginAddresses - 1 {
		f.count(address(n))
	}
	now = now.Add(failedLoginInterval)
	f.count(address(failedLoginAddresses))
	f.count(address(failedLoginAddresses + 1)) // the first of too many
	if got := len(f.byAddress); got != 2 {
		t.Errorf("%d are remembered, want the 2 of this interval", got)
	}
	for n := range failedLoginAddresses + 100 {
		f.count(address(n))
	}
	if got := len(f.byAddress); got > failedLoginAddresses {
		t.Errorf("%d are remembered, of at most %d", got, failedLoginAddresses)
	}
}
