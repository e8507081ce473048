package gateway

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// panicking is a traffic that panics where one of its functions is called.
type panicking struct {
	login.Traffic
	in string
}

func (p panicking) FromClient(b []byte) int {
	switch p.in {
	case "FromClient":
		panic("boom")
	case "Resume":
		return 0 // which pauses the relay
	}
	return p.Traffic.FromClient(b)
}

func (p panicking) FromServer(b []byte) {
	if p.in == "FromServer" {
		panic("boom")
	}
	p.Traffic.FromServer(b)
}

func (p panicking) Resume(context.Context, string) *ending.Ending { panic("boom") }

// others are two sessions of a harness that a third one is not to disturb.
type others struct {
	*harness
	clients [2]peer
}

// newOthers starts a harness with two sessions, numbers 1 and 2.
func newOthers(t *testing.T, protocol Protocol, change func(r *harness, s *Service), server func(peer)) *others {
	t.Helper()
	o := &others{harness: newHarness(t, protocol, change, newStubServer(t, server).address())}
	for i := range o.clients {
		o.clients[i] = o.dial()
		o.logIn(o.clients[i])
		o.awaitRelay(t, uint64(i+1))
	}
	return o
}

// undisturbed checks that the two sessions go on, that nothing of the third is left, and
// that so many panics are in the log, each once and with its stack.
func (o *others) undisturbed(t *testing.T, panics int) {
	t.Helper()
	o.await(t, "the third session has left", func() bool { return len(o.sessions.index.all()) == 2 })
	for _, client := range o.clients {
		o.ping(client)
		if o.services[0].Protocol == MySQL {
			client.packet()
		} else {
			client.message()
		}
	}
	if n := o.services[0].admission.sessions.Load(); n != 2 {
		t.Errorf("%d sessions count toward the limit", n)
	}
	if n := o.backends.find("db1").connections.Load(); n != 2 {
		t.Errorf("%d connections count for the server", n)
	}
	entries := o.entries.with("stack")
	if len(entries) != panics || o.Panics() != uint64(panics) {
		t.Errorf("%d panics in the log and %d counted, want %d", len(entries), o.Panics(), panics)
	}
	for _, e := range entries {
		if stack, _ := e["stack"].(string); !strings.Contains(stack, "panic(") {
			t.Errorf("the stack is not that of a panic: %s", stack)
		}
	}
	o.recorder.mu.Lock()
	defer o.recorder.mu.Unlock()
	for id, list := range o.recorder.sessions[:2] {
		if ends := find[*events.SessionClosed](list); len(ends) > 0 {
			t.Errorf("session %d ended with %v", id+1, ends[0])
		}
	}
}

// ping sends something that the server answers.
func (o *others) ping(p peer) {
	o.t.Helper()
	if o.services[0].Protocol == MySQL {
		p.send(mysqlPacket(0, "\x0e"))
		return
	}
	p.send(pgMessage('S', ""))
}

// logIn is a login of a session.
type logIn func(ctx context.Context, s *session) (*login.Established, *ending.Ending)

// otherLogin is a protocol with another login.
type otherLogin struct {
	login.Protocol
	logIn logIn
}

func (o otherLogin) LogIn(ctx context.Context, s login.Session) (*login.Established, *ending.Ending) {
	return o.logIn(ctx, s.(*session))
}

// setLogin has the next sessions log in by another function, which may call the usual one.
func (r *harness) setLogin(replace func(usual logIn) logIn) {
	next := *r.services[0].now()
	protocol := next.protocol
	next.protocol = otherLogin{protocol, replace(func(ctx context.Context, s *session) (*login.Established, *ending.Ending) {
		return protocol.LogIn(ctx, s)
	})}
	next.latest.Store(&next)
}

// after has the next sessions do something more when their login has succeeded.
func (r *harness) after(act func(s *session, e *login.Established)) {
	r.setLogin(func(usual logIn) logIn {
		return func(ctx context.Context, s *session) (*login.Established, *ending.Ending) {
			established, end := usual(ctx, s)
			if end == nil {
				act(s, established)
			}
			return established, end
		}
	})
}

// panicIn has the traffic of the next sessions panic in one of its functions.
func (r *harness) panicIn(function string) {
	r.after(func(_ *session, e *login.Established) { e.Traffic = panicking{e.Traffic, function} })
}

// instead has the next sessions log in by that function.
func (r *harness) instead(other func(ctx context.Context, s *session) *ending.Ending) {
	r.setLogin(func(logIn) logIn {
		return func(ctx context.Context, s *session) (*login.Established, *ending.Ending) { return nil, other(ctx, s) }
	})
}

// TestPanicEndsItsSession checks that a panic in any goroutine that works for a session
// ends this session, which is recorded, and no other.
func TestPanicEndsItsSession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		protocol Protocol
		// panics makes the third session panic; talk is its client's part of it.
		panics func(o *others)
		talk   func(o *others, p peer)
		reason events.Reason
	}{
		"login": {
			MySQL, func(o *others) { o.instead(func(context.Context, *session) *ending.Ending { panic("boom") }) },
			func(*others, peer) {}, events.ReasonError,
		},
		"attempt to reach a server": {
			MySQL, func(o *others) {
				o.instead(func(ctx context.Context, s *session) *ending.Ending {
					_, end := s.reach(ctx, slices.Values([]*backend{{}}), false) // without an address
					return end
				})
			},
			func(*others, peer) {}, events.ReasonError,
		},
		"goroutine of the login": {
			MySQL, func(o *others) {
				o.instead(func(_ context.Context, s *session) *ending.Ending {
					var other sync.WaitGroup
					other.Go(func() { _ = s.Guard(func() error { panic("boom") }) })
					other.Wait()
					_, err := s.client.Read(make([]byte, 1))
					return ending.Lost(relay.Client, err)
				})
			},
			func(*others, peer) {}, events.ReasonError,
		},
		"client's commands": {
			MySQL, func(o *others) { o.panicIn("FromClient") },
			func(o *others, p peer) {
				o.logIn(p)
				o.ping(p)
			}, events.ReasonError,
		},
		"client's bytes": {
			Postgres, func(o *others) { o.panicIn("FromClient") },
			func(o *others, p peer) {
				o.logIn(p)
				o.ping(p)
			}, events.ReasonError,
		},
		"server's bytes": {
			MySQL, func(o *others) { o.panicIn("FromServer") },
			func(o *others, p peer) {
				o.logIn(p)
				o.ping(p)
			}, events.ReasonError,
		},
		"between two relays": {
			Postgres, func(o *others) { o.panicIn("Resume") },
			func(o *others, p peer) {
				o.logIn(p)
				o.ping(p)
			}, events.ReasonError,
		},
		"cancelling of a query": {
			Postgres, func(o *others) {
				o.after(func(_ *session, e *login.Established) { e.Canceller = panickingCanceller{} })
			},
			func(o *others, p peer) {
				o.logIn(p)
				p.send(pgMessage('Q', "SELECT pg_sleep(9999)\x00"))
				o.await(o.t, "its server works", func() bool {
					s := o.sessions.index.find(3)
					return s != nil && s.activity.waiting().Owed
				})
				o.recorder.kills <- []uint64{3}
			}, events.ReasonKilled,
		},
		"end": {
			MySQL, func(o *others) {
				o.after(func(s *session, _ *login.Established) {
					s.slots.release()
					s.slots.take(nil) // which the end gives back
				})
			},
			func(o *others, p peer) {
				o.logIn(p)
				p.Close()
			}, events.ReasonError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := changeServer
			if test.protocol == Postgres {
				server = pgServer
			}
			o := newOthers(t, test.protocol, nil, server)
			test.panics(o)
			client := o.dial()
			test.talk(o, client)
			wantReason(t, o.harness, 3, test.reason)
			o.undisturbed(t, 1)
		})
	}
}

// panickingCanceller is a login.Canceller that panics.
type panickingCanceller struct{}

func (panickingCanceller) Cancel(*login.Server) error { panic("cancel") }

// panicOnce returns a function that panics the first time it is called with such an event
// of session 3.
func panicOnce(matches func(e events.Event) bool) func(uint64, events.Event) error {
	var done atomic.Bool
	return func(id uint64, e events.Event) error {
		if id == 3 && matches(e) && done.CompareAndSwap(false, true) {
			panic("boom")
		}
		return nil
	}
}

// ofKind matches events of a kind.
func ofKind(kind events.Kind) func(events.Event) bool {
	return func(e events.Event) bool { return e.Kind() == kind }
}

// TestPanicOfRecorder checks that a recorder which panics while it records something of
// a session ends this session, and that its end is recorded all the same.
func TestPanicOfRecorder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		panics func(e events.Event) bool
		slow   bool // the login takes its time
		reason events.Reason
	}{
		"attempts":       {ofKind(events.KindConnectionOpened), true, events.ReasonError},
		"ready":          {ofKind(events.KindSessionReady), false, events.ReasonError},
		"change of user": {func(e events.Event) bool { ready, ok := e.(*events.SessionReady); return ok && ready.User == "sue" }, false, events.ReasonError},
		"end":            {ofKind(events.KindSessionClosed), false, events.ReasonClientClosed},
	} {
		for _, recording := range []Recording{RecordStrict, RecordBestEffort} {
			t.Run(name+" "+string(recording), func(t *testing.T) {
				t.Parallel()
				var slow atomic.Bool
				o := newOthers(t, MySQL, func(r *harness, _ *Service) {
					r.record, r.recorder.before = recording, panicOnce(test.panics)
				}, func(p peer) {
					if !slow.Load() {
						changeServer(p)
						return
					}
					p.send(mysqlGreeting())
					p.packet()
					p.wantEnd() // the panic ends the session before the server answers
				})
				slow.Store(test.slow)
				client := o.dial()
				client.hangsUp = true
				var talk sync.WaitGroup
				talk.Go(func() { // until the gateway hangs up
					defer client.Close()
					client.packet()
					client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
					client.packet()
					client.send(mysqlPacket(0, changeUser("sue", "shop", "till")))
					client.packet()
					client.send(mysqlPacket(2, "answer"))
					client.packet()
					if test.reason == events.ReasonError {
						client.packet()
					}
				})
				talk.Wait()
				wantReason(t, o.harness, 3, test.reason)
				o.undisturbed(t, 1)
			})
		}
	}
}

// TestPanicOfOpening checks that a session at whose opening the recorder panics is
// refused like any other that cannot be recorded, and that with best effort it is
// counted, and ends.
func TestPanicOfOpening(t *testing.T) {
	t.Parallel()
	for _, recording := range []Recording{RecordStrict, RecordBestEffort} {
		t.Run(string(recording), func(t *testing.T) {
			t.Parallel()
			o := newOthers(t, MySQL, func(r *harness, _ *Service) {
				r.record, r.recorder.before = recording, panicOnce(ofKind(events.KindSessionOpened))
			}, mysqlServer)
			client := o.dial()
			client.hangsUp = true
			var talk sync.WaitGroup
			talk.Go(func() { // until the gateway hangs up
				client.packet()
				client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
				client.packet()
				client.packet()
			})
			talk.Wait()
			o.undisturbed(t, 1)
			missing, _ := o.sessions.record.Missing()
			if want := map[Recording]uint64{RecordBestEffort: 1}[recording]; missing != want {
				t.Errorf("%d sessions are counted as missing, want %d", missing, want)
			}
		})
	}
}
