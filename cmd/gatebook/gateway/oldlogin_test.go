package gateway

import (
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestOldLogin checks with a real server that a login of before version 4.1, with the goodbye in the
// same segment, as a health check of HAProxy sends it, is answered as the server answers it.
func TestOldLogin(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	if err := server.Exec("CREATE USER haproxy"); err != nil {
		t.Fatal(err)
	}
	check := func(p peer, user string) string {
		p.packet()
		login := mysqlPacket(1, "\x00\x80\x00\x00\x01"+user+"\x00\x00")
		p.send(append(login, mysqlPacket(0, "\x01")...))
		return p.lastWords()
	}
	for _, mode := range []TLSMode{TLSOff, TLSPrefer} {
		r := start(t, MySQL, Server{Address: server.Address, TLS: mode}, Service{LoginTimeout: time.Minute})
		for i, user := range []string{"haproxy", "nobody"} {
			want := check(dialTo(t, server.Address), user)
			got := check(r.dial(), user)
			if len(got) == 0 || len(want) == 0 || got != want {
				t.Errorf("%s: got %q, from the server itself %q", user, got, want)
			}
			reason := events.ReasonClientClosed
			if user == "nobody" {
				reason = events.ReasonAuthFailed
			}
			wantReason(t, r, uint64(i+1), reason)
		}
		wantReady(t, r, events.SessionReady{User: "haproxy"})
		if end := r.recorder.ended(t, 2); end.User != "nobody" {
			t.Errorf("ended %+v", end)
		}
	}
}

// TestOldLoginNeedsTLS checks that such a login does not reach a server without the TLS that is
// required toward it.
func TestOldLoginNeedsTLS(t *testing.T) {
	t.Parallel()
	r := start(t, MySQL, Server{Address: newStubServer(t, mysqlServer).address(), TLS: TLSRequire}, Service{})
	client := r.dial()
	client.packet()
	client.send(mysqlPacket(1, "\x00\x00\x00\x00\x01haproxy\x00\x00"))
	if e := mysql.ParseError(client.packet()); e.Code != mysqlUnreachable {
		t.Errorf("answered with %v", e)
	}
	wantReason(t, r, 1, events.ReasonConnectFailed)
}
