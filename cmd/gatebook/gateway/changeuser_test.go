package gateway

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// native answers a scramble as mysql_native_password does.
func native(password string, scramble []byte) []byte {
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	answer := sha1.Sum(append(bytes.Clone(scramble[:20]), twice[:]...))
	for i := range answer {
		answer[i] ^= once[i]
	}
	return answer[:]
}

// scrambleOf returns the scramble of a greeting.
func scrambleOf(p mysql.Packet) []byte {
	rest := p.Payload()[1:]
	rest = rest[bytes.IndexByte(rest, 0)+1+4:]
	return append(bytes.Clone(rest[:8]), rest[8+1+2+1+2+2+1+10:][:12]...)
}

// logInNative logs a client in to a real server.
func (p peer) logInNative(user, password string) {
	p.t.Helper()
	p.send(p.nativeLogin(user, password))
	p.finishNative(password)
}

// nativeLogin reads a real server's greeting, and returns the login that answers it.
func (p peer) nativeLogin(user, password string) []byte {
	p.t.Helper()
	scramble := scrambleOf(p.packet())
	asked := mysql.Protocol41 | mysql.SecureConnection | mysql.PluginAuth | mysql.ConnectAttributes | mysql.ConnectWithDB
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(asked))
	b.WriteString("\x00\x00\x00\x01\x2d" + string(make([]byte, 23)))
	b.WriteString(user + "\x00\x14" + string(native(password, scramble)) + "shop\x00mysql_native_password\x00\x00")
	return mysqlPacket(1, b.String())
}

// finishNative answers an authentication until it is over, and returns the
// server's last word.
func (p peer) finishNative(password string) mysql.Packet {
	p.t.Helper()
	for {
		reply := p.packet()
		if mysql.ReplyOf(reply) != mysql.ReplyMore {
			return reply
		}
		_, scramble, _ := bytes.Cut(reply.Payload(), []byte{0})
		p.send(mysqlPacket(reply.Sequence()+1, string(native(password, scramble))))
	}
}

// changeUser returns the packet that changes the user.
func changeUser(user, database, program string) string {
	attribute := "\x0cprogram_name" + string(rune(len(program))) + program
	return "\x11" + user + "\x00\x00" + database + "\x00\x2d\x00mysql_native_password\x00" + string(rune(len(attribute))) + attribute
}

// whoami asks a real server for the session's user.
func (p peer) whoami() string {
	p.t.Helper()
	p.send(mysqlPacket(0, "\x03SELECT CURRENT_USER()"))
	p.packet() // columns
	p.packet() // the column
	p.packet() // EOF
	row := p.packet()
	p.packet() // EOF
	return string(row.Payload()[1:])
}

// TestChangeUser checks with a real server that the new user is on the record before
// the client gets the OK, and that a user who is refused is not.
func TestChangeUser(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	for _, user := range []string{"jdoe", "sue"} {
		if err := server.AddUser(user, user+"-password"); err != nil {
			t.Fatal(err)
		}
	}
	r := newHarness(t, MySQL, nil, server.Address)
	client := r.dial()
	client.logInNative("jdoe", "jdoe-password")
	if got := client.whoami(); got != "jdoe@%" {
		t.Fatalf("logged in as %s", got)
	}
	client.send(mysqlPacket(0, changeUser("sue", "", "till/2")))
	if reply := client.finishNative("sue-password"); mysql.ReplyOf(reply) != mysql.ReplyOK {
		t.Fatalf("the change was answered with %q", reply)
	}
	wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop"}, events.SessionReady{User: "sue", Program: "till/2"})
	if got := client.whoami(); got != "sue@%" {
		t.Errorf("changed to %s", got)
	}
	// Once more, in pieces, and with a wrong password.
	packet := mysqlPacket(0, changeUser("jdoe", "shop", "till/3"))
	for _, b := range packet[:8] {
		client.send([]byte{b})
	}
	client.send(packet[8:])
	if e := mysql.ParseError(client.finishNative("wrong")); e.Code != 1045 {
		t.Fatalf("the change was answered with %v", e)
	}
	wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop"}, events.SessionReady{User: "sue", Program: "till/2"})
	// The server lets it go on under the old user.
	if got := client.whoami(); got != "sue@%" {
		t.Errorf("after a refusal it is %s", got)
	}
	client.send(mysqlPacket(0, "\x01"))
	client.Close()
	if end := r.recorder.ended(t, 1); end.User != "" {
		t.Errorf("ended %+v", end)
	}
}

func wantReady(t *testing.T, r *harness, want ...events.SessionReady) {
	t.Helper()
	got := find[*events.SessionReady](r.recorder.await(t, 1, events.KindSessionReady))
	if len(got) != len(want) {
		t.Fatalf("%d times ready, want %d", len(got), len(want))
	}
	for i := range want {
		if *got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

// changeServer accepts every login, and every change of user.
func changeServer(p peer) {
	p.send(mysqlGreeting())
	p.packet()
	p.send(mysqlPacket(2, mysqlOK))
	for {
		switch command := p.packet(); command.Payload()[0] {
		case 0x11:
			p.send(mysqlPacket(1, "\xfemysql_native_password\x00scramble"))
			p.packet()
			p.send(mysqlPacket(3, mysqlOK))
		case 0x19: // to close a statement is not answered
		default:
			p.send(mysqlPacket(1, mysqlOK))
		}
	}
}

// TestChangeUserAfterSilence checks that commands which a server does not answer may
// come before a change of user.
func TestChangeUserAfterSilence(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, changeServer).address())
	client := r.dial()
	client.logIn()
	client.send(mysqlPacket(0, "\x0e"))
	client.packet()
	closing := mysqlPacket(0, "\x19\x01\x00\x00\x00")
	client.send(append(closing, mysqlPacket(0, changeUser("sue", "shop", "till"))...))
	client.packet()
	client.send(mysqlPacket(2, "answer"))
	client.want(string(mysqlPacket(3, mysqlOK)))
	client.send(mysqlPacket(0, "\x0e"))
	client.want(string(mysqlPacket(1, mysqlOK)))
	wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop", Program: "till"},
		events.SessionReady{User: "sue", Database: "shop", Program: "till"})
}

// TestEarlyChangeUser checks that a client which changes its user before the reply to
// an earlier command is not let through: that reply could be taken for the one to the
// change.
func TestEarlyChangeUser(t *testing.T) {
	t.Parallel()
	ping, change := mysqlPacket(0, "\x0e"), mysqlPacket(0, changeUser("root", "shop", "till"))
	for name, send := range map[string]func(r *harness, p peer){
		"at once": func(_ *harness, p peer) { p.send(append(ping, change...)) },
		"before the reply": func(r *harness, p peer) {
			p.send(ping)
			r.await(t, "the ping is under way", func() bool { return r.only().server.Counters().Writes == 2 })
			p.send(change)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
				p.want(string(ping))
				p.wantEnd() // it never answers, and never sees the change
			}).address())
			client := r.dial()
			client.logIn()
			send(r, client)
			client.wantEnd()
			wantReason(t, r, 1, events.ReasonError)
			wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop", Program: "till"})
			failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindSessionClosed))
			if len(failed) != 1 || failed[0].User != "root" {
				t.Errorf("recorded %+v", failed)
			}
		})
	}
}

// TestForgedRefusal checks that a client which has other data taken for the refusal of
// its change cannot go on with the change.
func TestForgedRefusal(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, mysqlOK))
		p.packet()
		p.send(mysqlPacket(1, "\xffa row that looks like this"))
		p.send(mysqlPacket(1, "\xfemysql_native_password\x00scramble"))
		p.wantEnd()
	}).address())
	client := r.dial()
	client.logIn()
	client.send(mysqlPacket(0, changeUser("sue", "shop", "till")))
	client.packet()
	client.packet()
	client.send(mysqlPacket(2, "answer"))
	client.wantEnd()
	wantReason(t, r, 1, events.ReasonError)
}

// TestChangeUserWithLogin checks with a real server that a change of user which comes in the same
// segment as the login, and another one right behind it, are carried like any other, and are on
// the record.
func TestChangeUserWithLogin(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	for _, user := range []string{"jdoe", "sue"} {
		if err := server.AddUser(user, user+"-password"); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		password string
		last     mysql.Reply
		user     string
	}{
		"refused":  {"wrong", mysql.ReplyError, "jdoe@%"},
		"accepted": {"sue-password", mysql.ReplyOK, "sue@%"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, nil, server.Address)
			client := r.dial()
			change := mysqlPacket(0, changeUser("sue", "shop", "till"))
			client.send(append(client.nativeLogin("jdoe", "jdoe-password"), change...))
			if reply := client.packet(); mysql.ReplyOf(reply) != mysql.ReplyOK {
				t.Fatalf("the login was answered with %q", reply)
			}
			// The next change comes in the same segment as the answer that the first one asks for.
			_, scramble, _ := bytes.Cut(client.packet().Payload(), []byte{0})
			client.send(append(mysqlPacket(2, string(native(test.password, scramble))), change...))
			if reply := client.packet(); mysql.ReplyOf(reply) != test.last {
				t.Fatalf("the change was answered with %q", reply)
			}
			if reply := client.finishNative(test.password); mysql.ReplyOf(reply) != test.last {
				t.Fatalf("the second change was answered with %q", reply)
			}
			if got := client.whoami(); got != test.user {
				t.Errorf("the user is %s, want %s", got, test.user)
			}
			all := r.recorder.await(t, 1, events.KindSessionReady)
			ready, failed := find[*events.SessionReady](all), find[*events.LoginFailed](all)
			if test.last == mysql.ReplyOK && (len(ready) != 3 || ready[2].User != "sue") || test.last == mysql.ReplyError && (len(failed) != 2 || failed[1].User != "sue") {
				t.Errorf("recorded %+v and %+v", ready, failed)
			}
		})
	}
}

// TestCommandAndChangeUserWithLogin checks that a change of user which comes with the login, behind
// a command that is not answered yet, is not let through, and is on the record.
func TestCommandAndChangeUserWithLogin(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, mysqlOK))
		p.want(string(mysqlPacket(0, "\x0e")))
		p.wantEnd()
	}).address())
	client := r.dial()
	client.packet()
	client.send(slices.Concat(mysqlLogin(usual, "jdoe", "shop", "till"), mysqlPacket(0, "\x0e"), mysqlPacket(0, changeUser("root", "", ""))))
	client.want(string(mysqlPacket(2, mysqlOK)))
	client.wantEnd()
	wantReason(t, r, 1, events.ReasonError)
	failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindSessionClosed))
	if len(failed) != 1 || failed[0].User != "root" {
		t.Errorf("recorded %+v", failed)
	}
}

// TestUnrecordedChangeUser checks that the OK is not passed on when the new user cannot
// be recorded.
func TestUnrecordedChangeUser(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(r *harness, _ *Service) {
		r.recorder.before = func(_ uint64, e events.Event) error {
			if ready, ok := e.(*events.SessionReady); ok && ready.User == "sue" {
				return errors.New("the log is full")
			}
			return nil
		}
	}, newStubServer(t, changeServer).address())
	client := r.dial()
	client.logIn()
	client.send(mysqlPacket(0, changeUser("sue", "shop", "till")))
	client.packet()
	client.send(mysqlPacket(2, "answer"))
	wantMySQLError(client, 3, mysqlUnknown)
	wantReason(t, r, 1, events.ReasonError)
}
