package accounts

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// tallies bounds how many addresses and accounts are remembered, looked how many
	// of them are looked at to find one to forget.
	tallies = 8192
	looked  = 8
	// forgotten is how long a failure counts.
	forgotten = 15 * time.Minute
)

// patience is how many failures are free, how long the wait is after one more,
// doubled with each further one, and how long at most.
type patience struct {
	free        int
	first, most time.Duration
}

// An account is tried from many addresses, and who tries must not be able to keep
// its owner out for long.
var (
	ofAddress = patience{free: 5, first: time.Second, most: time.Minute}
	ofAccount = patience{free: 20, first: time.Second, most: 5 * time.Second}
)

// backOff counts logins that failed.
type backOff struct {
	now func() time.Time

	// mu guards tallies.
	mu      sync.Mutex
	tallies map[string]*tally
}

// tally is what is known of an address or an account.
type tally struct {
	failures int
	last     time.Time // of the last failure
	until    time.Time // nothing is tried before
}

func newBackOff(now func() time.Time) *backOff {
	return &backOff{now: now, tallies: make(map[string]*tally)}
}

// network is what an address is counted as: in IPv6 a subscriber has 2^64 of them.
func network(client netip.Addr) string {
	client = client.Unmap()
	if client.Is6() {
		if p, err := client.Prefix(64); err == nil {
			return "address " + p.String()
		}
	}
	return "address " + client.String()
}

// accountKey is what a name is counted as. One that is too long is no account's, and
// is not kept whole.
func accountKey(name string) string { return "account " + keyOf(name[:min(len(name), longestName+1)]) }

// ask tells how long an address has to wait, as a [*BackOffError]; nil when it has
// not.
func (b *backOff) ask(client netip.Addr) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait(network(client))
}

func (b *backOff) wait(key string) error {
	if t := b.tallies[key]; t != nil {
		if wait := t.until.Sub(b.now()); wait > 0 {
			return &BackOffError{Wait: wait}
		}
	}
	return nil
}

// attempt counts an attempt, which has failed until it succeeds, so that many at
// once are no way around the count. It is an error when there is to wait: for the
// address, and then nothing is counted, or for the account. name is "" when there is
// none.
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

func (b *backOff) count(key string, p patience) {
	now := b.now()
	t := b.tallies[key]
	if t == nil || now.Sub(t.last) > forgotten {
		if len(b.tallies) >= tallies {
			b.forget()
		}
		t = &tally{}
		b.tallies[key] = t
	}
	t.failures++
	t.last = now
	if over := t.failures - p.free; over > 0 {
		// More than 16 doublings are beyond any limit.
		t.until = now.Add(min(p.first<<min(over-1, 16), p.most))
	}
}

// forget makes room: of some, the one that failed longest ago.
func (b *backOff) forget() {
	oldest, n := "", 0
	for key, t := range b.tallies {
		if oldest == "" || t.last.Before(b.tallies[oldest].last) {
			oldest = key
		}
		if n++; n == looked {
			break
		}
	}
	delete(b.tallies, oldest)
}

// succeed forgets the failures of who has logged in.
func (b *backOff) succeed(client netip.Addr, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tallies, network(client))
	delete(b.tallies, accountKey(name))
}
