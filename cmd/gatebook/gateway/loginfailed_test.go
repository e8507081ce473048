package gateway

import (
	"errors"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestFailedChangeOfUser checks with a real server that each failed change of user is on the
// record with the name that was tried, before its client reads the error, and that the session
// keeps its user.
func TestFailedChangeOfUser(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("app", "app-password"); err != nil {
		t.Fatal(err)
	}
	r := newHarness(t, MySQL, nil, server.Address)
	client := r.dial()
	client.logInNative("app", "app-password")
	for range 3 {
		client.send(mysqlPacket(0, changeUser("bob", "shop", "till")))
		if e := mysql.ParseError(client.finishNative("wrong")); e.Code != 1045 {
			t.Fatalf("the change was answered with %v", e)
		}
	}
	failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindLoginFailed))
	if len(failed) != 3 {
		t.Fatalf("%d failed logins on the record, want 3", len(failed))
	}
	for _, e := range failed {
		if e.User != "bob" || e.Database != "shop" || e.Program != "till" || !strings.HasPrefix(e.Description, "1045 (28000): Access denied for user 'bob'") {
			t.Errorf("recorded %+v", e)
		}
	}
	if got := client.whoami(); got != "app@%" {
		t.Errorf("after the refusals it is %s", got)
	}
	client.send(mysqlPacket(0, "\x01"))
	wantReady(t, r, events.SessionReady{User: "app", Database: "shop"})
}

// TestBrokenChangeOfUser checks that a change of user which ends the session is on the record
// with the name that was tried: the client or the server is gone, or the time is over.
func TestBrokenChangeOfUser(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		talk   func(p peer, gone chan struct{})
		reason events.Reason
	}{
		"client gone": {func(p peer, gone chan struct{}) { close(gone); p.wantEnd() }, events.ReasonClientClosed},
		"server gone": {func(peer, chan struct{}) {}, events.ReasonServerClosed},
		"nonsense":    {func(p peer, _ chan struct{}) { p.send(mysqlPacket(7, mysqlOK)); p.wantEnd() }, events.ReasonError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
				p.packet()
				if name == "client gone" {
					p.send(mysqlPacket(1, "\xfemysql_native_password\x00scramble"))
				}
				test.talk(p, gone)
			}).address())
			client := r.dial()
			client.logIn()
			client.send(mysqlPacket(0, changeUser("bob", "shop", "till")))
			if name == "client gone" {
				client.packet()
				<-gone
				client.Close()
			}
			if end := r.recorder.ended(t, 1); end.Reason != test.reason {
				t.Errorf("ended with %v %q, want %v", end.Reason, end.Description, test.reason)
			}
			failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindLoginFailed))
			if len(failed) != 1 || failed[0].User != "bob" {
				t.Errorf("recorded %+v", failed)
			}
		})
	}
}

// TestUnrecordedFailure checks that the server's error is not passed on when the failed login
// cannot be recorded.
func TestUnrecordedFailure(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(r *harness, _ *Service) {
		r.recorder.before = func(_ uint64, e events.Event) error {
			if e.Kind() == events.KindLoginFailed {
				return errors.New("the log is full")
			}
			return nil
		}
	}, newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, mysqlOK))
		p.packet()
		p.send(mysqlPacket(1, mysqlDenied))
		p.wantEnd()
	}).address())
	client := r.dial()
	client.logIn()
	client.send(mysqlPacket(0, changeUser("bob", "shop", "till")))
	wantMySQLError(client, 1, mysqlUnknown)
	wantReason(t, r, 1, events.ReasonError)
}
