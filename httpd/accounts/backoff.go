package accounts

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// mostTallies bounds how many networks and accounts are remembered. candidates is how
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

// Logins of a network to an account that has failed too often there take the slow lane for a
// while, and so do those of a network that has failed with many accounts, and those to an
// account that was tried from many networks. None is refused for that: the owner of an account
// may share the network with an attacker. Wrong tokens are refused while they wait, because a
// right token never waits.
var (
	ofPair    = schedule{free: 5, first: time.Second, most: time.Minute}
	ofNetwork = schedule{free: 20, first: time.Minute, most: 15 * time.Minute}
	ofAccount = schedule{free: 20, first: time.Minute, most: 15 * time.Minute}
)

// backOff counts failed logins, and makes those wait that have too many. Its
// methods are safe for concurrent use.
type backOff struct {
	now func() time.Time

	mu      sync.Mutex // guards tallies
	tallies map[string]*tally
}

// tally is the count of a network, of an account, or of both together.
type tally struct {
	failures int
	last     time.Time // of the last failure
	until    time.Time // the end of the wait
}

func newBackOff(now func() time.Time) *backOff {
	return &backOff{now: now, tallies: make(map[string]*tally)}
}

// networkOf returns the network under which an address is counted. In IPv6 that is its
// network of 64 bits, because a subscriber has all addresses of one.
func networkOf(client netip.Addr) netip.Prefix {
	client = client.Unmap().WithZone("")
	bits := client.BitLen()
	if client.Is6() {
		bits = 64
	}
	network, _ := client.Prefix(bits) // the zero value for an address that is not known
	return network
}

// keys are the keys under which a login is counted: by its network and its account together,
// and by each of them.
type keys struct{ pair, network, account string }

// keysOf returns the keys of a login. A name that is too long, which no account has, is cut.
// A login with a token, which has no name, is counted by its network alone.
func keysOf(client netip.Addr, name string) keys {
	network, account := networkOf(client).String(), keyOf(name[:min(len(name), longestName+1)])
	if name == "" {
		return keys{pair: "token " + network}
	}
	return keys{pair: "pair " + network + " " + account, network: "network " + network, account: "account " + account}
}

// ask returns how often the network has failed with the account, and whether a login takes the
// slow lane.
func (b *backOff) ask(k keys) (failures int, slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.tallies[k.pair]; t != nil {
		failures = t.failures
	}
	return failures, b.wait(k.pair) != nil || b.wait(k.network) != nil || b.wait(k.account) != nil
}

// fail counts a login as failed until it succeeds.
func (b *backOff) fail(k keys) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countAll(k)
}

// countAll counts a failure of a login. The caller holds mu.
func (b *backOff) countAll(k keys) {
	b.count(k.pair, ofPair)
	if k.account != "" {
		b.count(k.network, ofNetwork)
		b.count(k.account, ofAccount)
	}
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
// the count. It returns a [*BackOffError] when the login has to wait, which counts nothing.
func (b *backOff) attempt(k keys) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.wait(k.pair); err != nil {
		return err
	}
	b.countAll(k)
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

// succeed forgets the failures of a network with an account after a login, and takes the login
// itself off the counts of both.
func (b *backOff) succeed(k keys) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tallies, k.pair)
	for _, key := range []string{k.network, k.account} {
		if t := b.tallies[key]; t != nil {
			t.failures--
		}
	}
}
