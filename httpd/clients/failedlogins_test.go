package clients

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// TestFailedLogins counts one address over three intervals. Another user and another network
// count by themselves; another address of a network of 64 bits does not.
func TestFailedLogins(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	f := newFailedLogins(func() time.Time { return now })
	count := func(from, user string, wantMore int, wantDue bool) {
		t.Helper()
		if d, due := f.count(netip.MustParseAddr(from), user); d != (dueLogin{more: wantMore}) || due != wantDue {
			t.Errorf("%s as %s at %s: got %+v, %v, want %d, %v", from, user, now, d, due, wantMore, wantDue)
		}
	}
	count("192.0.2.1", "ann", 0, true)
	count("192.0.2.1", "ann", 0, false)
	count("192.0.2.1", "bob", 0, true)
	count("2001:db8::1", "ann", 0, true)
	count("2001:db8::2", "ann", 0, false)
	count("2001:db8:0:1::1", "ann", 0, true)
	now = now.Add(failedLoginInterval - time.Nanosecond)
	count("::ffff:192.0.2.1", "ann", 0, false)
	now = now.Add(time.Nanosecond)
	count("192.0.2.1", "ann", 2, true)
	count("192.0.2.1", "ann", 0, false)
	now = now.Add(failedLoginInterval)
	count("192.0.2.1", "ann", 1, true)
	count("2001:db8::3", "ann", 1, true)
}

// TestFailedLoginsAreBounded counts logins from ever new addresses: a few are recorded, the
// next record has the number of the others, and what is remembered is bounded.
func TestFailedLoginsAreBounded(t *testing.T) {
	t.Parallel()
	const each, intervals = 100, 2 * failedLoginsKept / failedLoginRecords
	now := time.Unix(1_000_000, 0)
	f := newFailedLogins(func() time.Time { return now })
	records, others := 0, 0
	for n := range each * intervals {
		if n%each == 0 {
			now = now.Add(failedLoginInterval)
		}
		d, due := f.count(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n)))), "ann")
		if due {
			records++
		}
		others += d.others
		if d.more != 0 {
			t.Fatalf("login %d stands for %d more of its own", n, d.more)
		}
	}
	if want := failedLoginRecords * intervals; records != want || others != (each-failedLoginRecords)*(intervals-1) {
		t.Errorf("%d were recorded, want %d; the records stand for %d others", records, want, others)
	}
	if got := len(f.last); got > failedLoginsKept {
		t.Errorf("%d are remembered, of at most %d", got, failedLoginsKept)
	}
}
