package gateway

import (
	"bytes"
	"compress/zlib"
	"errors"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// compressing is a client of MySQL whose packets are compressed.
type compressing struct {
	peer
	inflater *mysql.Inflater
	// read is what was inflated and not taken.
	read *bytes.Buffer
}

// logInCompressing logs a client in that compresses from then on.
func (p peer) logInCompressing(user, password string) compressing {
	p.t.Helper()
	p.logInWith(mysql.Compress|mysql.ConnectAttributes, user, password)
	c := compressing{peer: p, read: &bytes.Buffer{}}
	c.inflater = mysql.NewInflater(&mysql.Inflaters{}, func(b []byte) { c.read.Write(b) })
	p.t.Cleanup(c.inflater.Close)
	return c
}

// sendCompressed sends packets in one that is compressed.
func (c compressing) sendCompressed(number byte, packets ...[]byte) {
	c.t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	size := 0
	for _, p := range packets {
		size += len(p)
		_, _ = z.Write(p)
	}
	_ = z.Close()
	c.send(append([]byte{byte(b.Len()), byte(b.Len() >> 8), 0, number, byte(size), byte(size >> 8), 0}, b.Bytes()...))
}

// packet reads one packet.
func (c compressing) packet() mysql.Packet {
	c.t.Helper()
	for c.read.Len() < mysql.HeaderSize || c.read.Len() < c.size() {
		head := c.peer.read(mysql.CompressedHeaderSize)
		if err := c.inflater.Write(append(head, c.peer.read(int(head[0])|int(head[1])<<8)...)); err != nil {
			c.t.Fatal(err)
		}
	}
	return bytes.Clone(c.read.Next(c.size()))
}

// size returns the size of the packet that is read.
func (c compressing) size() int {
	size, _ := mysql.Frame(c.read.Bytes())
	return size
}

// change changes the user, and returns the server's last word.
func (c compressing) change(user, password string) mysql.Packet {
	c.t.Helper()
	c.sendCompressed(0, mysqlPacket(0, changeUser(user, "shop", "till")))
	reply := c.packet()
	if mysql.ReplyOf(reply) != mysql.ReplyMore {
		return reply
	}
	_, scramble, _ := bytes.Cut(reply.Payload(), []byte{0})
	c.sendCompressed(2, mysqlPacket(2, string(native(password, scramble))))
	return c.packet()
}

// whoami asks for the session's user.
func (c compressing) whoami() string {
	c.t.Helper()
	c.sendCompressed(0, mysqlPacket(0, "\x03SELECT CURRENT_USER()"))
	for range 3 { // columns, the column, EOF
		c.packet()
	}
	row := c.packet()
	c.packet()
	return string(row.Payload()[1:])
}

// newCompressed starts a gateway that lets clients of a real server compress.
func newCompressed(t *testing.T, server *servertest.Server, prepare func(*harness)) *harness {
	t.Helper()
	return newHarness(t, MySQL, func(r *harness, s *Service) {
		s.Compression = true
		prepare(r)
	}, server.Address)
}

// TestCompressedChangesOfUser checks changes of user with a real server where packets are compressed.
func TestCompressedChangesOfUser(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	for _, user := range []string{"app", "sue"} {
		if err := server.AddUser(user, user+"-password"); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]func(*testing.T, *servertest.Server){
		"recorded": testCompressedChangeUser, "behind a command": testCompressedChangeBehind, "unrecorded": testUnrecordedCompressedChange,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, server)
		})
	}
}

// testCompressedChangeUser checks that changes of user are on the record, those that fail, and those
// that succeed, before the client hears.
func testCompressedChangeUser(t *testing.T, server *servertest.Server) {
	t.Helper()
	r := newCompressed(t, server, func(*harness) {})
	client := r.dial().logInCompressing("app", "app-password")
	if reply := client.change("sue", "sue-password"); mysql.ReplyOf(reply) != mysql.ReplyOK {
		t.Fatalf("the change was answered with %q", reply)
	}
	wantReady(t, r, events.SessionReady{User: "app", Database: "shop"}, events.SessionReady{User: "sue", Database: "shop", Program: "till"})
	answers := []string{"1045 (28000): Access denied for user 'bob'", "1045 (28000): Access denied for user 'bob'", "1045 (28000): Access denied for user 'bob'", "1047 (08S01): Unknown command"}
	for i, want := range answers { // the server takes three
		if e := mysql.ParseError(client.change("bob", "wrong")); !strings.HasPrefix(e.String(), want) {
			t.Fatalf("change %d was answered with %v", i+1, e)
		}
	}
	failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindLoginFailed))
	if len(failed) != len(answers) {
		t.Fatalf("%d failed logins on the record, want %d", len(failed), len(answers))
	}
	for i, e := range failed {
		if e.User != "bob" || e.Database != "shop" || e.Program != "till" || !strings.HasPrefix(e.Description, answers[i]) {
			t.Errorf("recorded %+v", e)
		}
	}
	if got := client.whoami(); got != "sue@%" {
		t.Errorf("after the refusals it is %s", got)
	}
	r.await(t, "it is idle", func() bool { w := r.only().activity.waiting(); return w.Known && !w.Owed })
	client.sendCompressed(0, mysqlPacket(0, "\x01"))
	client.wantEnd()
	wantReason(t, r, 1, events.ReasonClientClosed)
}

// testCompressedChangeBehind checks that the answer to a command which comes before a change of
// user, in one packet with it, is not taken for the answer to that.
func testCompressedChangeBehind(t *testing.T, server *servertest.Server) {
	t.Helper()
	r := newCompressed(t, server, func(*harness) {})
	client := r.dial().logInCompressing("app", "app-password")
	client.sendCompressed(0, mysqlPacket(0, "\x03DO 1"), mysqlPacket(0, changeUser("root", "", "")))
	client.packet()
	if failed := find[*events.LoginFailed](r.recorder.await(t, 1, events.KindSessionReady)); len(failed) > 0 {
		t.Errorf("recorded %+v", failed[0])
	}
	wantReady(t, r, events.SessionReady{User: "app", Database: "shop"})
}

// testUnrecordedCompressedChange checks that the OK is not passed on when the new user cannot be
// recorded.
func testUnrecordedCompressedChange(t *testing.T, server *servertest.Server) {
	t.Helper()
	r := newCompressed(t, server, func(r *harness) {
		r.recorder.before = func(_ uint64, e events.Event) error {
			if ready, ok := e.(*events.SessionReady); ok && ready.User == "sue" {
				return errors.New("the log is full")
			}
			return nil
		}
	})
	client := r.dial().logInCompressing("app", "app-password")
	client.sendCompressed(0, mysqlPacket(0, changeUser("sue", "shop", "till")))
	_, scramble, _ := bytes.Cut(client.packet().Payload(), []byte{0})
	client.sendCompressed(2, mysqlPacket(2, string(native("sue-password", scramble))))
	client.wantEnd()
	wantReason(t, r, 1, events.ReasonError)
}

// TestZstdIsRefused checks that a client which insists on compression that cannot be followed is
// refused, and is not offered it.
func TestZstdIsRefused(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.Compression = true }, newStubServer(t, func(p peer) {
		p.send(mysqlGreetingOf(usual | mysql.Compress | mysql.CompressZstd))
		p.wantEnd()
	}).address())
	client := r.dial()
	if g, err := mysql.ParseGreeting(client.packet()); err != nil || g.Capabilities&mysql.CompressZstd != 0 || g.Capabilities&mysql.Compress == 0 {
		t.Errorf("greeting %+v, %v", g, err)
	}
	client.send(mysqlLogin(usual|mysql.CompressZstd, "jdoe", "shop", "till"))
	wantMySQLError(client, 2, mysqlBadHandshake)
	wantReason(t, r, 1, events.ReasonAuthFailed)
}

// TestMalformedCompression checks that a side whose packets cannot be inflated ends the session, and
// that the other side gets none of it.
func TestMalformedCompression(t *testing.T) {
	t.Parallel()
	const zstd = "\x05\x00\x00\x00\x09\x00\x00(\xb5/\xfd!"
	for name, fromServer := range map[string]bool{"client": false, "server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.Compression = true }, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
				if fromServer {
					p.read(mysql.CompressedHeaderSize + 5)
					p.send([]byte(zstd))
				}
				p.wantEnd()
			}).address())
			client := r.dial()
			client.packet()
			client.send(mysqlLogin(usual|mysql.Compress, "jdoe", "shop", "till"))
			client.want(string(mysqlPacket(2, mysqlOK)))
			if fromServer {
				client.send([]byte("\x05\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0e"))
			} else {
				client.send([]byte(zstd))
			}
			client.wantEnd()
			if end := r.recorder.ended(t, 1); end.Reason != events.ReasonError || !strings.HasPrefix(end.Description, name+": not the MySQL protocol") {
				t.Errorf("ended with %v %q", end.Reason, end.Description)
			}
		})
	}
}
