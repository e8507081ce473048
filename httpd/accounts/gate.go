package accounts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// slotWait is how long a login waits until there is a slot for it.
const slotWait = 5 * time.Second

var (
	// ErrDenied reports that the name, the password or the token is wrong. It does not say
	// which.
	ErrDenied = errors.New("the name, the password or the token is wrong")
	// ErrCrowded reports that too many logins wait to be verified.
	ErrCrowded = errors.New("too many logins are being verified")
	// ErrGone reports that the file of accounts has been removed.
	ErrGone = errors.New("the accounts file is gone")
)

// BackOffError reports that logins have failed too often, and how long the client has to
// wait.
type BackOffError struct{ Wait time.Duration }

// Error returns how long to wait.
func (e *BackOffError) Error() string {
	return fmt.Sprintf("logins have failed too often; wait %s", e.Wait)
}

// ExpiredError reports that the token is right, and has ended. Only its owner can learn that.
type ExpiredError struct {
	Account, Token string
	Ended          time.Time
}

// Error returns which token has ended, and when.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the token %s of account %s expired at %s", e.Token, e.Account, e.Ended.UTC().Format(time.RFC3339))
}

// Gate finds accounts by their credentials. Its methods are safe for concurrent use.
type Gate struct {
	file       File
	list       atomic.Pointer[list]
	remembered *remembered
	backOff    *backOff
	slots      chan struct{} // one is taken for each hash that is computed
	slow       *lane         // of the logins that are too many
	signIns    *signIns      // of browsers

	reloading sync.Mutex  // guards the fields below, and is held while the file is read
	seen      os.FileInfo // of the file that was read last; nil when there was none
	accounts  []Account   // that were read last
	checked   time.Time   // the last call of Expired
}

// list indexes the accounts. It is never changed.
type list struct {
	byKey  map[string]*Account
	tokens []token
	// dummy is the hash that a password is compared with when the account has none or does
	// not exist, so that it takes as long; "" when no account has a password.
	dummy string
}

type token struct {
	sum [sha256.Size]byte
	// account is the account as the token logs in to it: with its role, and no other
	// credential.
	account Account
}

// OpenGate reads the accounts of a file; without a file there are none, unless there
// were some: then the file is lost. Errors: [*DamagedError] and those of the system, wrapped.
func OpenGate(f File) (*Gate, error) {
	g := &Gate{
		file: f, remembered: newRemembered(f.now), backOff: newBackOff(f.now), slow: newLane(), signIns: newSignIns(f),
		// Clients that are not let in yet get half of the machine at most.
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	g.list.Store(&list{})
	g.checked = f.now()
	if _, err := g.Reload(); err != nil {
		return nil, err
	}
	return g, nil
}

// Reload reads the accounts again if their file has changed, and reports whether they have, or changes wait to be
// recorded: a file that was written again because they are recorded has the accounts as before. If the file cannot
// be read, the old accounts stay in effect.
func (g *Gate) Reload() (changed bool, err error) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	info, err := os.Stat(g.file.Path())
	switch {
	case errors.Is(err, os.ErrNotExist) && !g.Any():
		g.seen, g.accounts = nil, nil
		return false, g.file.checkAbsent()
	case errors.Is(err, os.ErrNotExist):
		return false, fmt.Errorf("%w: %s; the accounts that were in it stay in use", ErrGone, g.file.Path())
	case err != nil:
		return false, fmt.Errorf("read accounts: %w", err)
	case g.seen != nil && same(info, g.seen):
		return false, nil
	}
	c, info, err := g.file.read()
	if err != nil {
		return false, err
	}
	l, err := newList(c.Accounts)
	if err != nil {
		return false, err
	}
	changed = len(c.Unrecorded) > 0 || !reflect.DeepEqual(c.Accounts, g.accounts)
	g.list.Store(l)
	g.seen, g.accounts = info, c.Accounts
	return changed, nil
}

// same reports whether a file has not changed.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

// newList returns the index of accounts.
func newList(all []Account) (*list, error) {
	l := &list{byKey: make(map[string]*Account, len(all))}
	dearest := 0
	for i := range all {
		a := &all[i]
		l.byKey[keyOf(a.Name)] = a
		for _, has := range a.Tokens {
			t := token{account: Account{Name: a.Name, Role: has.Role, Tokens: []Token{has}, Changed: a.Changed}}
			if _, err := hex.Decode(t.sum[:], []byte(has.Sum)); err != nil {
				return nil, fmt.Errorf("account %s: a token of it cannot be read: %w", a.Name, err)
			}
			l.tokens = append(l.tokens, t)
		}
		if a.Password == "" {
			continue
		}
		cost, err := bcrypt.Cost([]byte(a.Password))
		if err != nil {
			return nil, fmt.Errorf("account %s: its password cannot be read: %w", a.Name, err)
		}
		if cost > dearest {
			dearest, l.dummy = cost, a.Password
		}
	}
	return l, nil
}

// Any reports whether there are accounts.
func (g *Gate) Any() bool { return len(g.list.Load().byKey) > 0 }

// Holds reports whether an account that the gate has returned would be returned now, with the
// same role: by the same password, or by the same token.
func (g *Gate) Holds(a Account) bool {
	now := g.list.Load().byKey[keyOf(a.Name)]
	if now == nil {
		return false
	}
	if len(a.Tokens) == 0 {
		return now.Role == a.Role && now.Password == a.Password
	}
	used := a.Tokens[0]
	kept := slices.ContainsFunc(now.Tokens, func(t Token) bool { return t.Sum == used.Sum })
	return kept && used.Role == a.Role && !used.HasEnded(g.file.now())
}

// Expired reports whether a token has ended since the last call. Its clients may be at work
// still.
func (g *Gate) Expired() bool {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	now := g.file.now()
	before := g.checked
	g.checked = now
	return slices.ContainsFunc(g.list.Load().tokens, func(t token) bool {
		used := t.account.Tokens[0]
		return used.HasEnded(now) && !used.HasEnded(before)
	})
}

// Password returns the account whose name and password these are. A password that was
// verified lately is not delayed. One whose network or account has failed too often takes the
// slow lane. Errors: [ErrDenied], [ErrCrowded], a [*BackOffError].
func (g *Gate) Password(ctx context.Context, client netip.Addr, name, password string) (Account, error) {
	l := g.list.Load()
	account, hash := l.byKey[keyOf(name)], ""
	if account != nil {
		hash = account.Password
	}
	if account != nil && g.remembered.knows(account.Name, hash, password) {
		return account.byPassword(), nil
	}
	keys := keysOf(client, name)
	ctx, stop := context.WithTimeout(ctx, slotWait)
	defer stop()
	leave, err := g.take(ctx, keys)
	if err != nil {
		return Account{}, err
	}
	defer leave()
	if account != nil && g.remembered.knows(account.Name, hash, password) {
		g.backOff.succeed(keys)
		return account.byPassword(), nil // another request has verified the same password meanwhile
	}
	if !matches(hash, l.dummy, password) {
		return Account{}, ErrDenied
	}
	g.backOff.succeed(keys)
	g.remembered.learn(account.Name, hash, password)
	return account.byPassword(), nil
}

// take takes a slot for a login, in the slow lane where it has to, and counts it as failed. The
// caller leaves.
func (g *Gate) take(ctx context.Context, k keys) (leave func(), err error) {
	leaveLane := func() {}
	for failures, slow := g.backOff.ask(k); ; {
		if slow {
			if leaveLane, err = g.slow.enter(ctx, k, failures); err != nil {
				return nil, err
			}
		}
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			leaveLane()
			return nil, ErrCrowded
		}
		if slow {
			g.backOff.fail(k)
			break
		}
		if g.backOff.attempt(k) == nil {
			break
		}
		// Others have failed while it waited for the slot.
		<-g.slots
		failures, slow = g.backOff.ask(k)
	}
	return func() { <-g.slots; leaveLane() }, nil
}

// byPassword returns the account as its password logs in to it.
func (a Account) byPassword() Account {
	a.Tokens = nil
	return a
}

// matches reports whether a password is that of a hash. It takes as long when there is no
// hash. It is false for a password of which bcrypt would read the beginning alone.
func matches(hash, dummy, password string) bool {
	against := hash
	if against == "" {
		against = dummy
	}
	err := bcrypt.CompareHashAndPassword([]byte(against), []byte(password))
	return err == nil && hash != "" && len(password) <= longestPassword
}

// Token returns the account whose token this is. Errors: [ErrDenied], an [*ExpiredError], a
// [*BackOffError].
func (g *Gate) Token(client netip.Addr, text string) (Account, error) {
	sum := sha256.Sum256([]byte(text))
	all := g.list.Load().tokens
	found := -1
	for i := range all {
		if subtle.ConstantTimeCompare(all[i].sum[:], sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		if err := g.backOff.attempt(keysOf(client, "")); err != nil {
			return Account{}, err
		}
		return Account{}, ErrDenied
	}
	account := all[found].account
	if used := account.Tokens[0]; used.HasEnded(g.file.now()) {
		return Account{}, &ExpiredError{Account: account.Name, Token: used.Name, Ended: used.Ends}
	}
	return account, nil
}
