package clients

import (
	"net/netip"
	"sync"
)

// connLimiter bounds how many connections are open, in all and from one address, of IPv6 from
// one network of 64 bits. Its methods are safe for concurrent use.
type connLimiter struct {
	most, mostPerAddress int

	mu        sync.Mutex // guards the fields below
	open      int
	byAddress map[netip.Prefix]int
}

func newConnLimiter(most, mostPerAddress int) *connLimiter {
	return &connLimiter{most: most, mostPerAddress: mostPerAddress, byAddress: make(map[netip.Prefix]int)}
}

// acquire counts one more connection, and reports false when there is no room for it. The
// caller releases what it has acquired.
func (l *connLimiter) acquire(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	network := networkOf(from)
	if l.open >= l.most || l.byAddress[network] >= l.mostPerAddress {
		return false
	}
	l.open++
	l.byAddress[network]++
	return true
}

// isFull reports whether there is no room for any more connections, though one address may
// still have more.
func (l *connLimiter) isFull(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open >= l.most && l.byAddress[networkOf(from)] < l.mostPerAddress
}

// count returns how many connections of an address are open.
func (l *connLimiter) count(from netip.Addr) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byAddress[networkOf(from)]
}

// release counts one connection less.
func (l *connLimiter) release(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	network := networkOf(from)
	if l.byAddress[network]--; l.byAddress[network] == 0 {
		delete(l.byAddress, network)
	}
}
