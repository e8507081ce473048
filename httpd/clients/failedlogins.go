package clients

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// failedLoginInterval is how often failed logins of one network as one user are recorded.
	failedLoginInterval = time.Minute
	// failedLoginRecords bounds how many are recorded in an interval, whatever addresses they
	// come from. Those beyond are counted.
	failedLoginRecords = 30
	// failedLoginsKept bounds how many networks and users are remembered for that.
	failedLoginsKept = 4096
)

// failedLogins counts failed logins, so that one record a minute stands for all of a network
// and a user, and a few records a minute for all of an attack from many addresses. Its
// methods are safe for concurrent use.
type failedLogins struct {
	now func() time.Time

	mu       sync.Mutex // guards the fields below
	last     map[failedLogin]lastFailed
	begun    time.Time // of the present interval
	recorded int       // how many were recorded in it
	others   int       // how many have no record that stands for them
}

// failedLogin is where failed logins come from and the user that they try.
type failedLogin struct {
	from netip.Prefix
	user string
}

// lastFailed is the last failed login that was recorded.
type lastFailed struct {
	at time.Time
	// more counts those since.
	more int
}

// dueLogin is what the record of a failed login says of others.
type dueLogin struct {
	// more is how many of the same network and user it stands for besides.
	more int
	// others is how many failed since the last record that have none of their own.
	others int
}

func newFailedLogins(now func() time.Time) *failedLogins {
	return &failedLogins{now: now, last: make(map[failedLogin]lastFailed)}
}

// networkOf returns the network that an address is counted under: of IPv6 that of 64 bits,
// because a subscriber has all its addresses.
func networkOf(client netip.Addr) netip.Prefix {
	client = client.Unmap().WithZone("")
	bits := client.BitLen()
	if client.Is6() {
		bits = 64
	}
	network, _ := client.Prefix(bits) // the zero value for an address that is not known
	return network
}

// count counts a failed login. It reports whether this one is to be recorded.
func (f *failedLogins) count(client netip.Addr, user string) (d dueLogin, due bool) {
	now, key := f.now(), failedLogin{networkOf(client), user}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.begun) >= failedLoginInterval {
		f.begun, f.recorded = now, 0
	}
	last, known := f.last[key]
	switch {
	case known && now.Sub(last.at) < failedLoginInterval:
		last.more++
		f.last[key] = last
		return dueLogin{}, false
	case f.recorded >= failedLoginRecords:
		f.others++
		return dueLogin{}, false
	case !known && len(f.last) >= failedLoginsKept:
		f.makeRoom(now)
	}
	f.recorded++
	f.last[key] = lastFailed{at: now}
	d = dueLogin{more: last.more, others: f.others}
	f.others = 0
	return d, true
}

// makeRoom forgets those whose interval is over, and any others while there are still too
// many. Those they stand for are counted among the others. The caller holds mu.
func (f *failedLogins) makeRoom(now time.Time) {
	forget := func(key failedLogin) {
		f.others += f.last[key].more
		delete(f.last, key)
	}
	for key, last := range f.last {
		if now.Sub(last.at) >= failedLoginInterval {
			forget(key)
		}
	}
	for key := range f.last {
		if len(f.last) < failedLoginsKept {
			return
		}
		forget(key)
	}
}
