package gateway

import (
	"crypto/tls"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// The plugins that send a password one way with TLS and another without.
const (
	cachingSHA2 = "caching_sha2_password"
	plainSHA2   = "sha256_password"
)

// TestPasswordNeedsSameTLS checks that a login is refused whose password is sent one
// way with TLS and another without, where the two sides differ. As long as the server
// does not need the password, that makes no difference.
func TestPasswordNeedsSameTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	const fast, full = "\x01\x03", "\x01\x04"
	for name, test := range map[string]struct {
		switched, step string
		refused        string
	}{
		"full authentication": {cachingSHA2, full, "caching_sha2_password needs the password"},
		"fast authentication": {cachingSHA2, fast, ""},
		"the older plugin":    {plainSHA2, "", "sha256_password needs the password"},
		"another plugin":      {"dialog", full, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, MySQL, Server{Address: newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				if login := p.packet(); login.Sequence() != 1 || login.Payload()[1]&0x08 != 0 {
					t.Errorf("login at %d: %q", login.Sequence(), login)
				}
				p.send(mysqlPacket(2, "\xfe"+test.switched+"\x00nonce\x00"))
				if answer := p.packet(); answer.Sequence() != 3 {
					t.Errorf("an answer at %d", answer.Sequence())
				}
				p.send(mysqlPacket(4, test.step))
				p.send(mysqlPacket(5, mysqlOK))
				echo(p)
			}).address()}, Service{TLS: files(t, authority.Issue(t, "front"))})
			client := r.dial()
			if g, err := mysql.ParseGreeting(client.packet()); err != nil || g.Capabilities&mysql.TLS == 0 {
				t.Errorf("greeting %+v, %v", g, err)
			}
			login := mysqlLogin(usual|mysql.TLS, "jdoe", "shop", "till")
			client.send(mysql.Packet(login).AppendTLSRequest(nil, 1))
			secured := tls.Client(client.TCPConn, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
			send := func(b []byte) {
				if _, err := secured.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			read := func() mysql.Packet {
				b := make([]byte, 512)
				n, err := secured.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				return b[:n]
			}
			mysql.Packet(login).SetSequence(2)
			send(login)
			reply := read()
			if test.switched == plainSHA2 {
				wantMismatch(t, r, reply, 3, test.refused)
				return
			}
			if reply.Switched() != test.switched || reply.Sequence() != 3 {
				t.Errorf("got %q", reply)
			}
			send(mysqlPacket(4, "answer"))
			reply = read()
			if test.refused != "" {
				wantMismatch(t, r, reply, 5, test.refused)
				return
			}
			if reply.Sequence() != 5 {
				t.Errorf("got %q", reply)
			}
			list := r.recorder.await(t, 1, events.KindSessionReady)
			if opened := find[*events.SessionOpened](list)[0]; !strings.HasPrefix(opened.TLS, "TLS 1.3") {
				t.Errorf("opened %+v", opened)
			}
		})
	}
}

// TestChangeNeedsSameTLS checks that the same holds for a change of user.
func TestChangeNeedsSameTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	certificate := authority.Issue(t, "front")
	for name, test := range map[string]struct{ replies, refused string }{
		"full authentication": {"\xfe" + cachingSHA2 + "\x00nonce\x00|\x01\x04", "caching_sha2_password needs the password"},
		"no switch":           {"\x01\x04", "caching_sha2_password needs the password"},
		"fast authentication": {"\xfe" + cachingSHA2 + "\x00nonce\x00|\x01\x03", ""},
		"the older plugin":    {"\xfe" + plainSHA2 + "\x00nonce\x00", "sha256_password needs the password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replies := strings.Split(test.replies, "|")
			r := start(t, MySQL, Server{Address: newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
				p.packet() // the change
				for i, reply := range replies {
					p.send(mysqlPacket(byte(1+2*i), reply))
					if i+1 < len(replies) {
						p.packet()
					}
				}
				if test.refused == "" {
					p.send(mysqlPacket(byte(2*len(replies)), mysqlOK))
				}
				p.wantEnd()
			}).address()}, Service{TLS: files(t, certificate)})
			client := r.dial()
			client.packet()
			login := mysqlLogin(usual|mysql.TLS, "jdoe", "shop", "till")
			client.send(mysql.Packet(login).AppendTLSRequest(nil, 1))
			secured := tls.Client(client.TCPConn, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
			send := func(b []byte) {
				if _, err := secured.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			b := make([]byte, 512)
			read := func() mysql.Packet {
				size := 0
				for {
					n, err := secured.Read(b[size:])
					if err != nil {
						t.Fatal(err)
					}
					size += n
					if want, err := mysql.Frame(b[:size]); err != nil || want > 0 && want <= size {
						return b[:want]
					}
				}
			}
			mysql.Packet(login).SetSequence(2)
			send(login)
			read()
			send(mysqlPacket(0, strings.ReplaceAll(changeUser("sue", "", "till"), "mysql_native_password", cachingSHA2)))
			for i := 1; i < len(replies); i++ {
				read()
				send(mysqlPacket(byte(2*i), "answer"))
			}
			reply := read()
			if test.refused != "" {
				wantMismatch(t, r, reply, byte(2*len(replies)-1), test.refused)
				return
			}
			if reply.Sequence() != byte(2*len(replies)-1) {
				t.Errorf("got %q", reply)
			}
			if reply = read(); mysql.ReplyOf(reply) != mysql.ReplyOK {
				t.Errorf("the change was answered with %q", reply)
			}
			wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop", Program: "till"}, events.SessionReady{User: "sue", Program: "till"})
			_ = secured.Close()
		})
	}
}

func wantMismatch(t *testing.T, r *harness, reply mysql.Packet, sequence byte, want string) {
	t.Helper()
	if mysql.ReplyOf(reply) != mysql.ReplyError || reply.Sequence() != sequence || !strings.Contains(mysql.ParseError(reply).Message, want) {
		t.Errorf("got %q, want %q", reply, want)
	}
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonAuthFailed || !strings.Contains(end.Description, want) {
		t.Errorf("ended as %+v", end)
	}
}
