package gateway

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestNamesInCharset checks with a real server that a user and a database whose names come in
// the client's character set are recorded as the server has them, in a login and in a change of
// user, and that two users never become one.
func TestNamesInCharset(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	const muller, ivan, petr = "m\u00fcller", "\u0438\u0432\u0430\u043d", "\u043f\u0435\u0442\u0440"
	for _, user := range []string{muller, ivan, petr} {
		if err := server.AddUser(user, "secret"); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Exec("CREATE DATABASE `" + muller + "`"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec("GRANT ALL ON `" + muller + "`.* TO `" + muller + "`"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		collation      byte
		user, database string
		want           events.SessionReady
	}{
		"utf8mb4": {45, muller, muller, events.SessionReady{User: muller, Database: muller, Program: muller}},
		"latin1":  {8, "m\xfcller", "m\xfcller", events.SessionReady{User: muller, Database: muller, Program: muller}},
		"cp1251":  {51, "\xe8\xe2\xe0\xed", "shop", events.SessionReady{User: ivan, Database: "shop", Program: ivan}},
		"koi8r":   {7, "\xd0\xc5\xd4\xd2", "shop", events.SessionReady{User: petr, Database: "shop", Program: petr}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, nil, server.Address)
			client := r.dial()
			reply := client.logInAs(test.collation, test.user, "secret", test.database)
			if mysql.ReplyOf(reply) != mysql.ReplyOK {
				t.Fatalf("answered with %q", reply)
			}
			wantReady(t, r, test.want)
			change := "\x11" + test.user + "\x00\x00" + test.database + "\x00" + string([]byte{test.collation}) + "\x00mysql_native_password\x00\x00" // and no attributes
			client.send(mysqlPacket(0, change))
			if reply := client.finishNative("secret"); mysql.ReplyOf(reply) != mysql.ReplyOK {
				t.Fatalf("the change was answered with %q", reply)
			}
			changed := test.want
			changed.Program = ""
			wantReady(t, r, test.want, changed)
			client.send(mysqlPacket(0, change))
			if reply := client.finishNative("wrong"); mysql.ReplyOf(reply) != mysql.ReplyError {
				t.Fatalf("the change was answered with %q", reply)
			}
			failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindLoginFailed))
			if e := failed[0]; e.User != test.want.User || !strings.HasPrefix(e.Description, "1045 (28000): Access denied for user") {
				t.Errorf("recorded %+v", e)
			}
		})
	}
}

// logInAs logs in to a real server with a character set, and returns the server's last word. The
// program's name is the user's.
func (p peer) logInAs(collation byte, user, password, database string) mysql.Packet {
	p.t.Helper()
	scramble := scrambleOf(p.packet())
	asked := mysql.Protocol41 | mysql.SecureConnection | mysql.PluginAuth | mysql.ConnectAttributes | mysql.ConnectWithDB
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(asked))
	b.WriteString("\x00\x00\x00\x01" + string([]byte{collation}) + string(make([]byte, 23)))
	b.WriteString(user + "\x00\x14" + string(native(password, scramble)) + database + "\x00mysql_native_password\x00")
	attribute := append([]byte("\x0cprogram_name"), byte(len(user)))
	attribute = append(attribute, user...)
	b.WriteByte(byte(len(attribute)))
	b.Write(attribute)
	p.send(mysqlPacket(1, b.String()))
	return p.finishNative(password)
}

// TestNamesOfBytes checks with a real server of PostgreSQL that names which are not UTF-8 stay two
// where the server has two.
func TestNamesOfBytes(t *testing.T) {
	t.Parallel()
	server := servertest.StartPostgres(t)
	r := newHarness(t, Postgres, nil, server.Address)
	for i, c := range []struct{ user, want string }{
		{"m\u00fcller", "m\u00fcller"},
		{"m\xfcller", `m\xfcller`},
		{"m\xf6ller", `m\xf6ller`},
		{`m\xfcller`, `m\x5cxfcller`},
	} {
		client := r.dial()
		client.send(pgStartup(3<<16, "user\x00"+c.user+"\x00database\x00shop\x00\x00"))
		client.message()
		client.send(pgMessage('X', ""))
		client.lastWords()
		if end := r.recorder.ended(t, uint64(i+1)); end.User != c.want {
			t.Errorf("%q is on the record as %q, want %q", c.user, end.User, c.want)
		}
	}
}
