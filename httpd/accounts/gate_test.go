package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatebook/httpd/accounts"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
)

func openGate(t testing.TB, f accounts.File) *accounts.Gate {
	t.Helper()
	g, err := accounts.OpenGate(f)
	check(t, err)
	return g
}

func TestPassword(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	address := there
	for _, c := range []struct {
		name, password string
		right          bool
	}{
		{"Ann", password, true},
		{"aNN", password, true},
		{"Ann", password, true}, // remembered
		{"Ann", another, false},
		{"Ann", "", false},
		{"Ann", password + "x", false},
		{"bob", another, true},
		{"bob", password, false},
		{"edge-1", "", false},
		{"edge-1", password, false},
		{"unknown", password, false},
		{"", "", false},
		{strings.Repeat("n", 10_000), password, false},
	} {
		// Each login comes from another address, so that none has to wait.
		address = address.Next()
		a, err := g.Password(t.Context(), address, c.name, c.password)
		switch {
		case c.right && (err != nil || !strings.EqualFold(a.Name, c.name)):
			t.Errorf("%s with %q: got %q, %v", c.name, c.password, a.Name, err)
		case !c.right && !errors.Is(err, accounts.ErrDenied):
			t.Errorf("%s with %q: error %v", c.name, c.password, err)
		}
	}
}

// bcrypt would accept a longer password that begins with the right one.
func TestPasswordOfTheGreatestLength(t *testing.T) {
	t.Parallel()
	f := newFile(t, newClock())
	long := strings.Repeat("p", 72)
	check(t, f.Add(t.Context(), "ann", accounts.Admin, long))
	g := openGate(t, f)
	if _, err := g.Password(t.Context(), here, "ann", long+"p"); !errors.Is(err, accounts.ErrDenied) {
		t.Errorf("a longer password: %v", err)
	}
	if _, err := g.Password(t.Context(), here, "ann", long); err != nil {
		t.Error(err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	f, first := filled(t, newClock())
	g := openGate(t, f)
	holds := func(token string, want bool) {
		t.Helper()
		a, err := g.Token(here, token)
		if want && (err != nil || a.Name != "edge-1" || a.Role != accounts.Source) || !want && !errors.Is(err, accounts.ErrDenied) {
			t.Errorf("got %+v, %v, want it to hold: %v", a, err, want)
		}
	}
	reload := func() {
		t.Helper()
		if changed, err := g.Reload(); err != nil || !changed {
			t.Fatalf("reloaded: %v, %v", changed, err)
		}
	}
	holds(first, true)
	holds(first+"x", false)
	second := newToken(t, f, "edge-1", accounts.NewToken{Name: "another"})
	reload()
	holds(first, true)
	holds(second, true)
	third := newToken(t, f, "edge-1", accounts.NewToken{Name: "TOKEN", Replace: true})
	reload()
	holds(first, false)
	holds(second, true)
	holds(third, true)
	check(t, f.RevokeToken(t.Context(), "edge-1", "Another"))
	reload()
	holds(second, false)
	holds(third, true)
	check(t, f.RevokeTokens(t.Context(), "edge-1"))
	reload()
	holds(third, false)
	if first == second || second == third || !strings.HasPrefix(third, "gatebook_") || len(third) < 50 {
		t.Errorf("tokens %q, %q, %q", first, second, third)
	}
}

// A change takes effect with the next Reload, also for a remembered password.
func TestReload(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	if changed, err := g.Reload(); err != nil || changed {
		t.Errorf("nothing has changed: %v, %v", changed, err)
	}
	_, err := g.Password(t.Context(), here, "bob", another)
	check(t, err)
	check(t, f.SetPassword(t.Context(), "bob", password, true))
	_, err = g.Reload()
	check(t, err)
	if _, err := g.Password(t.Context(), here, "bob", another); !errors.Is(err, accounts.ErrDenied) {
		t.Errorf("the former password: %v", err)
	}
	_, err = g.Password(t.Context(), here, "bob", password)
	check(t, err)
	check(t, f.Remove(t.Context(), "bob", true))
	_, err = g.Reload()
	check(t, err)
	if _, err := g.Password(t.Context(), here, "bob", password); !errors.Is(err, accounts.ErrDenied) {
		t.Errorf("an account that was removed: %v", err)
	}
}

// A file that is damaged or removed while it is in use leaves the old accounts in effect.
func TestReloadOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	f, token := filled(t, newClock())
	g := openGate(t, f)
	check(t, os.WriteFile(f.Path(), nil, 0o600))
	if _, err := g.Reload(); err == nil || !strings.Contains(err.Error(), "it is empty") {
		t.Errorf("an empty file: %v", err)
	}
	check(t, os.Remove(f.Path()))
	if _, err := g.Reload(); !errors.Is(err, accounts.ErrGone) {
		t.Errorf("no file: %v", err)
	}
	if !g.Any() {
		t.Error("there are no accounts any more")
	}
	_, err := g.Token(here, token)
	check(t, err)
}

// The first account needs no restart.
func TestFirstAccount(t *testing.T) {
	t.Parallel()
	f := newFile(t, newClock())
	g := openGate(t, f)
	if changed, err := g.Reload(); err != nil || changed || g.Any() {
		t.Errorf("an empty folder: %v, %v, %v", changed, err, g.Any())
	}
	check(t, f.Add(t.Context(), "ann", accounts.Admin, password))
	if changed, err := g.Reload(); err != nil || !changed || !g.Any() {
		t.Errorf("after the first account: %v, %v, %v", changed, err, g.Any())
	}
	check(t, f.Remove(t.Context(), "ann", true))
	if _, err := g.Reload(); err != nil || g.Any() {
		t.Errorf("after the last account: %v, %v", err, g.Any())
	}
}

// Logins of an address to an account that has failed there too often take the slow lane, in
// which one a second is verified. The right password is let in there, though it was never
// verified. Nobody waits with a remembered password, with another account, from elsewhere, or
// with a token, which could not be guessed.
func TestBackOffOfAddress(t *testing.T) {
	t.Parallel()
	f, token := filled(t, newClock())
	synctest.Test(t, func(t *testing.T) {
		g := openGate(t, f)
		_, err := g.Password(t.Context(), here, "Ann", password)
		check(t, err)
		begun := time.Now()
		for range 6 {
			if _, err := g.Password(t.Context(), here, "bob", password); !errors.Is(err, accounts.ErrDenied) {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("the first failures wait %s", took)
		}
		for range 4 {
			if _, err := g.Password(t.Context(), here, "bob", password); !errors.Is(err, accounts.ErrDenied) {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("four more take %s", took)
		}
		begun = time.Now()
		for _, login := range []struct {
			from          netip.Addr
			user, another string
		}{{here, "Ann", password}, {there, "bob", another}, {here, "Unknown", password}} {
			if _, err := g.Password(t.Context(), login.from, login.user, login.another); err != nil && login.user != "Unknown" {
				t.Errorf("%s from %s: %v", login.user, login.from, err)
			}
		}
		if _, err := g.Token(here, token); err != nil {
			t.Errorf("with a token: %v", err)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("others wait %s", took)
		}
	})
}

// The owner of an account who shares the network of an attacker is let in within seconds, though
// the password was never verified: also while the attacker tries every second, and nearly always
// while the attacker has as many logins waiting as may.
func TestOwnerInTheAttackersNetwork(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	for name, every := range map[string]time.Duration{"one a second": time.Second, "a flood": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := openGate(t, f)
				ctx, stop := context.WithCancel(t.Context())
				var attacker sync.WaitGroup
				var tried atomic.Int64
				attacker.Go(func() {
					for ctx.Err() == nil {
						attacker.Go(func() {
							if _, err := g.Password(t.Context(), here, "bob", "a guess"); errors.Is(err, accounts.ErrDenied) {
								tried.Add(1)
							}
						})
						time.Sleep(every)
					}
				})
				time.Sleep(time.Minute)
				begun, attempts := time.Now(), 1
				for ; attempts < 30; attempts++ {
					if _, err := g.Password(t.Context(), here, "bob", another); err == nil {
						break
					}
					time.Sleep(time.Second)
				}
				if took := time.Since(begun); took > 30*time.Second {
					t.Errorf("the owner is let in after %s, in attempt %d", took, attempts)
				}
				stop()
				attacker.Wait()
				if n := tried.Load(); n > 100 {
					t.Errorf("%d guesses in a minute and the owner's attempts", n)
				}
			})
		})
	}
}

// In the slow lane a login to an account that nobody has tried there does not wait for those of
// an attacker in the same network.
func TestSlowLaneIsFair(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	synctest.Test(t, func(t *testing.T) {
		g := openGate(t, f)
		for i := range 24 {
			_, _ = g.Password(t.Context(), here, fmt.Sprintf("user-%d", i%3), password)
		}
		var others sync.WaitGroup
		for i := range 12 {
			others.Go(func() { _, _ = g.Password(t.Context(), here, fmt.Sprintf("user-%d", i%3), password) })
		}
		synctest.Wait()
		begun := time.Now()
		if _, err := g.Password(t.Context(), here, "bob", another); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > 500*time.Millisecond {
			t.Errorf("it waits %s", took)
		}
		others.Wait()
	})
}

// A remembered password cannot be guessed without the waits of failed logins: after a number
// of wrong ones it is verified again.
func TestRememberedIsNotGuessed(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	synctest.Test(t, func(t *testing.T) {
		g := openGate(t, f)
		_, err := g.Password(t.Context(), here, "bob", another)
		check(t, err)
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, err := g.Password(t.Context(), there, "bob", "guess"); err == nil {
					t.Error("let in")
				}
			})
		}
		all.Wait()
		begun := time.Now()
		if _, err := g.Password(t.Context(), there, "bob", another); err != nil || time.Since(begun) == 0 {
			t.Errorf("where it was guessed it is let in after %s, error %v", time.Since(begun), err)
		}
		if _, err := g.Password(t.Context(), here, "bob", another); err != nil {
			t.Errorf("its owner: %v", err)
		}
	})
}

// A network that fails with many accounts is not refused, and a login from it takes the slow
// lane.
func TestSprayingTakesTheSlowLane(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	for i := range 21 {
		if _, err := g.Password(t.Context(), here, fmt.Sprintf("user-%d", i), password); !errors.Is(err, accounts.ErrDenied) {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	for i := range 3 {
		if _, err := g.Password(t.Context(), here, fmt.Sprintf("other-%d", i), password); !errors.Is(err, accounts.ErrDenied) {
			t.Error(err)
		}
	}
	if _, err := g.Password(t.Context(), here, "bob", another); err != nil {
		t.Errorf("another user there: %v", err)
	}
	if took := time.Since(begun); took < 3*250*time.Millisecond {
		t.Errorf("four logins took %s", took)
	}
	// Of many at once one waits, and the others are told to come again.
	var all sync.WaitGroup
	var crowded atomic.Int64
	for i := range 20 {
		all.Go(func() {
			if _, err := g.Password(t.Context(), here, fmt.Sprintf("more-%d", i), password); errors.Is(err, accounts.ErrCrowded) {
				crowded.Add(1)
			}
		})
	}
	all.Wait()
	if n := crowded.Load(); n < 10 {
		t.Errorf("%d of 20 are told to come again", n)
	}
}

// An owner who has logged in is not kept out by others that try the account from everywhere,
// nor by one that tries it from the owner's own address.
func TestBackOffSparesWhoWasLetIn(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	synctest.Test(t, func(t *testing.T) {
		g := openGate(t, f)
		_, err := g.Password(t.Context(), here, "bob", another)
		check(t, err)
		address := netip.MustParseAddr("203.0.113.1")
		for range 20 {
			if _, err := g.Password(t.Context(), address, "bob", password); err == nil {
				t.Fatal("let in")
			}
			if _, err := g.Password(t.Context(), here, "bob", password); err == nil {
				t.Fatal("let in")
			}
			address = address.Next()
		}
		begun := time.Now()
		_, err = g.Password(t.Context(), here, "bob", another)
		check(t, err)
		if took := time.Since(begun); took > 0 {
			t.Errorf("the owner waits %s", took)
		}
	})
}

// The addresses of one subscriber count as one.
func TestBackOffOfNetwork(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	address := netip.MustParseAddr("2001:db8::1")
	for range 6 {
		_, err := g.Password(t.Context(), address, "unknown", password)
		if !errors.Is(err, accounts.ErrDenied) {
			t.Fatal(err)
		}
		address = address.Next()
	}
	begun := time.Now()
	for range 2 {
		if _, err := g.Password(t.Context(), address, "unknown", another); !errors.Is(err, accounts.ErrDenied) {
			t.Error(err)
		}
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("two more take %s", took)
	}
	if _, err := g.Password(t.Context(), address, "bob", another); err != nil {
		t.Errorf("another account: %v", err)
	}
}

// An account that is tried from everywhere keeps its owner out for no longer than its turn in
// the slow lane, in which attackers have theirs.
func TestBackOffOfAccount(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	address := netip.MustParseAddr("203.0.113.1")
	try := func() {
		t.Helper()
		if _, err := g.Password(t.Context(), address, "bob", password); !errors.Is(err, accounts.ErrDenied) {
			t.Fatal(err)
		}
		address = address.Next()
	}
	for range 21 {
		try()
	}
	begun := time.Now()
	for range 4 {
		try()
	}
	if took := time.Since(begun); took < 3*250*time.Millisecond {
		t.Errorf("four more take %s", took)
	}
	if _, err := g.Password(t.Context(), here, "bob", another); err != nil {
		t.Errorf("its owner: %v", err)
	}
}

// A program that begins with many connections at once does not have to wait.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := g.Password(t.Context(), here, "Ann", password); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// A password is remembered for five minutes, and verified again after that.
func TestRememberedNotForEver(t *testing.T) {
	t.Parallel()
	c := newClock()
	f, _ := filled(t, c)
	g := openGate(t, f)
	for range 3 {
		_, err := g.Password(t.Context(), here, "Ann", password)
		check(t, err)
		if _, err := g.Password(t.Context(), here, "Ann", another); !errors.Is(err, accounts.ErrDenied) {
			t.Fatalf("another password: %v", err)
		}
		c.advance(5 * time.Minute)
	}
}

func BenchmarkRememberedPassword(b *testing.B) {
	f, _ := filled(b, newClock())
	g := openGate(b, f)
	for b.Loop() {
		if _, err := g.Password(b.Context(), here, "Ann", password); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReloadOfRecordedChanges records the changes of a file, which writes it again: the accounts are as before, and
// nothing has changed.
func TestReloadOfRecordedChanges(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	g := openGate(t, f)
	recorded := 0
	check(t, f.Record(t.Context(), func(accounts.Change) error {
		recorded++
		return nil
	}))
	if changed, err := g.Reload(); err != nil || changed || recorded == 0 {
		t.Errorf("%d changes are recorded, and the accounts have changed: %t, %v", recorded, changed, err)
	}
	check(t, f.Remove(t.Context(), "bob", true))
	if changed, err := g.Reload(); err != nil || !changed {
		t.Errorf("an account was removed, and the accounts have changed: %t, %v", changed, err)
	}
}
