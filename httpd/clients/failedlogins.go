package clients

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// failedLoginInterval is how often failed logins from one address are recorded.
	failedLoginInterval = time.Minute
	// failedLoginAddresses bounds how many addresses are remembered for that.
	failedLoginAddresses = 4096
)

// failedLogins counts failed logins by address, so that one record a minute stands for
// all of an address. Its methods are safe for concurrent use.
type failedLogins struct {
	now func() time.Time

	mu        sync.Mutex // guards byAddress
	byAddress map[netip.Addr]failedLogin
}

// failedLogin is the last failed login of an address that was recorded.
type failedLogin struct {
	at time.Time
	// more counts those since.
	more int
}

func newFailedLogins(now func() time.Time) *failedLogins {
	return &failedLogins{now: now, byAddress: make(map[netip.Addr]failedLogin)}
}

// count counts a failed login. It reports whether this one is to be recorded, and then how
// many were not recorded before it.
func (f *failedLogins) count(client netip.Addr) (more int, due bool) {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	last, known := f.byAddress[client]
	if known && now.Sub(last.at) < failedLoginInterval {
		last.more++
		f.byAddress[client] = last
		return 0, false
	}
	if !known && len(f.byAddress) >= failedLoginAddresses {
		f.makeRoom(now)
	}
	f.byAddress[client] = failedLogin{at: now}
	return last.more, true
}

// makeRoom forgets the addresses whose interval is over, and any others while there are
// still too many. The caller holds mu.
func (f *failedLogins) makeRoom(now time.Time) {
	for client, last := range f.byAddress {
		if now.Sub(last.at) >= failedLoginInterval {
			delete(f.byAddress, client)
		}
	}
	for client := range f.byAddress {
		if len(f.byAddress) < failedLoginAddresses {
			return
		}
		delete(f.byAddress, client)
	}
}
