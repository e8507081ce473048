package gateway

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gatebook/events"
)

// soon and late are limits for logins: one that a test waits for, and one that
// does not come within it.
const (
	soon = 100 * time.Millisecond
	late = time.Hour
)

// loginWithin limits the logins of a harness.
func loginWithin(limit time.Duration) func(*harness, *Service) {
	return func(_ *harness, s *Service) { s.LoginTimeout = limit }
}

// givesBack runs a subtest, and checks that it leaves no goroutine and no
// descriptor behind. Nothing may run beside it.
func givesBack(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	runtime.GC() // what earlier tests have forgotten to close
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	t.Run(name, test)
	eventuallyTrue(t, name+": goroutines and descriptors are given back", func() bool {
		return runtime.NumGoroutine() <= goroutines && descriptors(t) <= files
	})
}

// descriptors returns how many this process has.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// eventuallyTrue waits until the condition holds.
func eventuallyTrue(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.After(patienceOfTests)
	for !holds() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-limit:
			t.Fatalf("not within %v: %s", patienceOfTests, what)
		}
	}
}

// drip sends bytes one at a time until the connection ends.
func drip(p peer, b []byte) {
	p.hangsUp = true
	p.SetNoDelay(true)
	for _, c := range b {
		if _, err := p.Write([]byte{c}); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // the fault itself is to be slow
	}
}

// TestStalledLogins checks that a login which stalls, on either side and at any stage,
// ends when its time is over, and when it is killed.
func TestStalledLogins(t *testing.T) {
	login, startup := mysqlLogin(usual, "jdoe", "shop", "till"), pgLogin()
	silent := func(p peer) { _, _ = io.Copy(io.Discard, p) }
	tests := map[string]struct {
		protocol Protocol
		server   func(p peer)
		client   func(p peer)
	}{
		"mysql: half a packet": {MySQL, mysqlServer, func(p peer) {
			p.packet()
			p.send(login[:len(login)/2])
		}},
		"mysql: a false length": {MySQL, mysqlServer, func(p peer) {
			p.packet()
			p.send(append([]byte{byte(len(login)), 1, 0, 1}, login[4:]...))
		}},
		"mysql: byte by byte": {MySQL, mysqlServer, func(p peer) {
			p.packet()
			go drip(p, login)
		}},
		"mysql: garbage": {MySQL, mysqlServer, func(p peer) {
			p.packet()
			p.send(append([]byte("\xf0\xff\x00\x01"), noise(1, 4096)...))
		}},
		"mysql: a server of garbage": {MySQL, func(p peer) {
			p.send(append([]byte("\xf0\xff\x00\x00\x0a"), noise(1, 4096)...))
			silent(p)
		}, func(peer) {}},
		"mysql: half a greeting": {MySQL, func(p peer) {
			p.send(mysqlGreeting()[:20])
			silent(p)
		}, func(peer) {}},
		"mysql: a server that does not answer": {MySQL, func(p peer) {
			p.send(mysqlGreeting())
			silent(p)
		}, func(p peer) {
			p.packet()
			p.send(login)
		}},
		"mysql: an exchange that stops": {MySQL, func(p peer) {
			p.send(mysqlGreeting())
			p.packet()
			p.send(mysqlPacket(2, "\xfeplugin\x00"))
			silent(p)
		}, func(p peer) {
			p.packet()
			p.send(login)
			p.packet()
			p.send(mysqlPacket(3, "half")[:6])
		}},
		"postgres: half a packet": {Postgres, pgServer, func(p peer) { p.send(startup[:len(startup)/2]) }},
		"postgres: a false length": {Postgres, pgServer, func(p peer) {
			p.send(append([]byte{0, 0, 1, byte(len(startup))}, startup[4:]...))
		}},
		"postgres: garbage": {Postgres, pgServer, func(p peer) {
			p.send(append([]byte("\x00\x00\x27\x10"), noise(1, 4096)...))
		}},
		"postgres: a server of garbage": {Postgres, func(p peer) {
			p.startup()
			p.send(append([]byte("R\x00\x00\xff\xff"), noise(1, 4096)...))
			silent(p)
		}, func(p peer) { p.send(startup) }},
		"postgres: byte by byte":                  {Postgres, pgServer, func(p peer) { go drip(p, startup) }},
		"postgres: a server that does not answer": {Postgres, silent, func(p peer) { p.send(startup) }},
		"postgres: a welcome that stops": {Postgres, func(p peer) {
			p.startup()
			p.send([]byte(pgWelcome()[:30]))
			silent(p)
		}, func(p peer) { p.send(startup) }},
		"postgres: an exchange that stops": {Postgres, func(p peer) {
			p.startup()
			p.send(pgMessage('R', "\x00\x00\x00\x03"))
			silent(p)
		}, func(p peer) {
			p.send(startup)
			p.message()
			p.send([]byte("p\x00\x00\x01\x00half"))
		}},
	}
	for name, test := range tests {
		run := func(limit time.Duration, reason events.Reason, act func(r *harness)) func(t *testing.T) {
			return func(t *testing.T) {
				r := newHarness(t, test.protocol, loginWithin(limit), newStubServer(t, test.server).address())
				client := r.dial()
				test.client(client)
				r.recorder.await(t, 1, events.KindSessionOpened)
				act(r)
				if end := r.recorder.ended(t, 1); end.Reason != reason {
					t.Errorf("ended with %v %q, want %v", end.Reason, end.Description, reason)
				}
				client.hangsUp = true
				_, _ = io.Copy(io.Discard, client) // ends
				client.Close()
			}
		}
		givesBack(t, name+"/left alone", run(soon, events.ReasonLoginTimeout, func(*harness) {}))
		givesBack(t, name+"/killed", run(late, events.ReasonKilled, func(r *harness) { r.recorder.kills <- []uint64{1} }))
	}
}

// TestSilentMySQLServer checks that a server which accepts a connection and does not
// greet counts as one that has not answered.
func TestSilentMySQLServer(t *testing.T) {
	silent := func(p peer) { _, _ = io.Copy(io.Discard, p) }
	for name, client := range map[string]func(p peer){
		"a client that waits":            func(peer) {},
		"a client that will say no more": func(p peer) { p.CloseWrite() },
	} {
		run := func(limit time.Duration, act func(r *harness), want string) func(t *testing.T) {
			return func(t *testing.T) {
				r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.ConnectTimeout = limit }, newStubServer(t, silent).address())
				p := r.dial()
				client(p)
				r.recorder.await(t, 1, events.KindSessionOpened)
				act(r)
				if end := r.recorder.ended(t, 1); fmt.Sprint(end.Reason, ": ", end.Description) != want {
					t.Errorf("ended with %v: %s, want %s", end.Reason, end.Description, want)
				}
				p.hangsUp = true
				_, _ = io.Copy(io.Discard, p) // ends
				p.Close()
			}
		}
		givesBack(t, name+"/left alone", run(soon, func(*harness) {}, "connect_failed: no server of front answers: no greeting in connect_timeout"))
		givesBack(t, name+"/killed", run(late, func(r *harness) { r.recorder.kills <- []uint64{1} }, "killed: "))
	}
}

// noise returns random bytes, the same for the same seed.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

// TestGarbage checks that garbage from either side ends a login and nothing else, and
// that it is passed on after the login.
func TestGarbage(t *testing.T) {
	for seed := range uint64(20) {
		garbage := noise(seed, 4096)
		speak := func(p peer) {
			p.hangsUp = true
			_, _ = p.Write(garbage)
			_, _ = io.Copy(io.Discard, p)
			p.Close()
		}
		for _, protocol := range []Protocol{MySQL, Postgres} {
			server, login := mysqlServer, func(peer) {}
			if protocol == Postgres {
				server, login = pgServer, func(p peer) { p.send(pgLogin()) }
			}
			name := fmt.Sprintf("%s, seed %d", protocol, seed)
			givesBack(t, name+"/client", func(t *testing.T) {
				r := newHarness(t, protocol, loginWithin(soon), newStubServer(t, server).address())
				speak(r.dial())
				expectReason(t, r, events.ReasonAuthFailed, events.ReasonLoginTimeout)
			})
			givesBack(t, name+"/server", func(t *testing.T) {
				r := newHarness(t, protocol, loginWithin(soon), newStubServer(t, speak).address())
				client := r.dial()
				login(client)
				_, _ = io.Copy(io.Discard, client)
				client.Close()
				expectReason(t, r, events.ReasonError, events.ReasonLoginTimeout, events.ReasonAuthFailed)
			})
			givesBack(t, name+"/after the login", func(t *testing.T) {
				r := newHarness(t, protocol, nil, newStubServer(t, server).address())
				client := r.dial()
				if protocol == MySQL {
					client.logIn()
				} else {
					login(client)
					client.want(pgWelcome())
				}
				client.send(garbage)
				client.want(string(garbage))
				client.Close()
				expectReason(t, r, events.ReasonClientClosed)
			})
		}
	}
}

// expectReason waits for the end of the only session.
func expectReason(t *testing.T, r *harness, reasons ...events.Reason) {
	t.Helper()
	if end := r.recorder.ended(t, 1); !slices.Contains(reasons, end.Reason) {
		t.Errorf("ended with %v %q, want one of %v", end.Reason, end.Description, reasons)
	}
}

// TestFlood checks that clients which come and go at once, in order or not, all have
// one end on the record, and that the next client is served.
func TestFlood(t *testing.T) {
	const flood = 600
	for _, protocol := range []Protocol{MySQL, Postgres, TCP} {
		server := map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo}[protocol]
		givesBack(t, string(protocol), func(t *testing.T) {
			r := newHarness(t, protocol, nil, newStubServer(t, server).address())
			for i := range flood {
				client := r.dial()
				if i%3 == 0 {
					client.SetLinger(0)
				}
				if i%4 == 0 {
					_, _ = client.Write([]byte{0})
				}
				client.Close()
			}
			client := r.dial()
			r.logIn(client)
			if r.services[0].Protocol == TCP {
				client.send([]byte("hello"))
				client.want("hello")
			}
			client.Close()
			eventuallyTrue(t, "all have left", func() bool { return len(r.sessions.index.all()) == 0 })
			r.close()
			r.recorder.mu.Lock()
			defer r.recorder.mu.Unlock()
			// A client that was gone before it was accepted may have left no trace.
			if n := len(r.recorder.sessions); n > flood+1 || n < flood/2 {
				t.Errorf("%d sessions are in the book, want %d", n, flood+1)
			}
			for i, list := range r.recorder.sessions {
				ends := find[*events.SessionClosed](list)
				if len(ends) != 1 {
					t.Fatalf("session %d has %d ends", i+1, len(ends))
				}
				if !slices.Contains([]events.Reason{events.ReasonClientClosed, events.ReasonNetworkError}, ends[0].Reason) {
					t.Errorf("session %d ended with %v %q", i+1, ends[0].Reason, ends[0].Description)
				}
			}
		})
	}
}

// TestServerResetsInResult checks that a client gets the beginning of a result whose
// server breaks off, and that the record has the side that broke.
func TestServerResetsInResult(t *testing.T) {
	row := mysqlPacket(1, strings.Repeat("0123456789", 1<<16))
	givesBack(t, "reset", func(t *testing.T) {
		r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
			p.send(mysqlGreeting())
			p.packet()
			p.send(mysqlPacket(2, mysqlOK))
			p.packet()
			p.send(row[:len(row)/2])
			p.SetLinger(0)
		}).address())
		client := r.dial()
		client.logIn()
		client.send(mysqlPacket(0, "\x03SELECT 1"))
		got, _ := io.ReadAll(client)
		if len(got) >= len(row) || !bytes.HasPrefix(row, got) {
			t.Errorf("the client has %d bytes that are not the beginning of the row", len(got))
		}
		client.Close()
		end := r.recorder.ended(t, 1)
		if end.Reason != events.ReasonNetworkError || end.Description != "server: connection reset by peer" {
			t.Errorf("ended with %v %q", end.Reason, end.Description)
		}
	})
}
