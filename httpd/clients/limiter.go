package clients

import (
	"net/netip"
	"sync"
)

// connLimiter bounds how many connections are open, in all and from one address. Its
// methods are safe for concurrent use.
type connLimiter struct {
	most, mostPerAddress int

	mu        sync.Mutex // guards the fields below
	open      int
	byAddress map[netip.Addr]int
}

func newConnLimiter(most, mostPerAddress int) *connLimiter {
	return &connLimiter{most: most, mostPerAddress: mostPerAddress, byAddress: make(map[netip.Addr]int)}
}

// acquire counts one more connection, and reports false when there is no room for it. The
// caller releases what it has acquired.
func (l *connLimiter) acquire(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.byAddress[from] >= l.mostPerAddress {
		return false
	}
	l.open++
	l.byAddress[from]++
	return true
}

// release counts one connection less.
func (l *connLimiter) release(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.byAddress[from]--; l.byAddress[from] == 0 {
		delete(l.byAddress, from)
	}
}
