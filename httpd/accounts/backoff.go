package accounts

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// mostTallies bounds how many addresses and accounts are remembered. candidates is how
	// many of them are compared to find one to forget.
	mostTallies = 8192
	candidates  = 8
	// failureMemory is how long a failure counts.
	failureMemory = 15 * time.Minute
)

// schedule is how many failures are free, how long the wait is after one more, doubled with
// each further one, and the longest wait.
type schedule struct {
	free        int
	first, most time.Duration
}

// The waits of an account are short: an attacker that tries an account from many addresses
// must not be able to keep its owner out for long.
var (
	ofAddress = schedule{free: 5, first: time.Second, most: time.Minute}
	ofAccount = schedule{free: 20, first: time.Second, most: 5 * time.Second}
)

// backOff counts failed logins, and makes addresses and accounts wait that have too many. Its
// methods are safe for concurrent use.
type backOff struct {
	now func() time.Time

	mu      sync.Mutex // guards tallies
	tallies map[string]*tally
}

// tally is the count of an address or an account.
type tally struct {
	failures int
	last     time.Time // of the last failure
	until    time.Time // the end of the wait
}

func newBackOff(now func() time.Time) *backOff {
	return &backOff{now: now, tallies: make(map[string]*tally)}
}

// network returns the key under which an address is counted. In IPv6 that is its network of
// 64 bits, because a subscriber has all addresses of one.
func network(client netip.Addr) string {
	client = client.Unmap()
	if client.Is6() {
		if p, err := client.Prefix(64); err == nil {
			return "address " + p.String()
		}
	}
	return "address " + client.String()
}

// accountKey returns the key under which a name is counted. A name that is too long, which no
// account has, is cut.
func accountKey(name string) string { return "account " + keyOf(name[:min(len(name), longestName+1)]) }

// ask returns a [*BackOffError] when an address has to wait, nil otherwise.
func (b *backOff) ask(client netip.Addr) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait(network(client))
}

// wait returns a [*BackOffError] when a key has to wait. The caller holds mu.
func (b *backOff) wait(key string) error {
	if t := b.tallies[key]; t != nil {
		if wait := t.until.Sub(b.now()); wait > 0 {
			return &BackOffError{Wait: wait}
		}
	}
	return nil
}

// attempt counts a login as failed until it succeeds, so that many at once do not get around
// the count. It returns a [*BackOffError] when the address has to wait, which counts
// nothing, or the account has. name is "" when there is none.
func (b *backOff) attempt(client netip.Addr, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.wait(network(client)); err != nil {
		return err
	}
	b.count(network(client), ofAddress)
	if name == "" {
		return nil
	}
	if err := b.wait(accountKey(name)); err != nil {
		return err
	}
	b.count(accountKey(name), ofAccount)
	return nil
}

// count counts a failure. The caller holds mu.
func (b *backOff) count(key string, p schedule) {
	now := b.now()
	t := b.tallies[key]
	if t == nil || now.Sub(t.last) > failureMemory {
		if len(b.tallies) >= mostTallies {
			b.forget()
		}
		t = &tally{}
		b.tallies[key] = t
	}
	t.failures++
	t.last = now
	if over := t.failures - p.free; over > 0 {
		// After 16 doublings every wait is the longest one.
		t.until = now.Add(min(p.first<<min(over-1, 16), p.most))
	}
}

// forget makes room for one more: of a few tallies it deletes the one that failed longest ago.
// The caller holds mu.
func (b *backOff) forget() {
	oldest, n := "", 0
	for key, t := range b.tallies {
		if oldest == "" || t.last.Before(b.tallies[oldest].last) {
			oldest = key
		}
		if n++; n == candidates {
			break
		}
	}
	delete(b.tallies, oldest)
}

// succeed forgets the failures of an address and an account after a login.
func (b *backOff) succeed(client netip.Addr, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tallies, network(client))
	delete(b.tallies, accountKey(name))
}
