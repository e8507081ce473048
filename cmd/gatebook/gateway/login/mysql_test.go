package login

import (
	"slices"
	"sync"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/events"
)

// logIn runs a login while both its sides talk.
func logIn(t *testing.T, p Protocol, s *stub, client, server func()) (*Established, *ending.Ending) {
	t.Helper()
	var talk sync.WaitGroup
	talk.Go(client)
	talk.Go(server)
	established, end := p.LogIn(t.Context(), s)
	talk.Wait()
	return established, end
}

// TestMySQL checks what a login records, in which order, and what reaches either side.
func TestMySQL(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	ping := packet(0, "\x0e")
	established, end := logIn(t, &MySQL{Service: service(time.Minute)}, s, func() {
		read(t, s.fromClient)
		send(t, s.fromClient, append(loginPacket("jdoe"), ping...)) // it does not wait
		want(t, s.fromClient, packet(2, okPayload))
	}, func() {
		send(t, s.fromServer, greeting())
		want(t, s.fromServer, loginPacket("jdoe"))
		send(t, s.fromServer, packet(2, okPayload))
		want(t, s.fromServer, ping)
	})
	if end != nil || established == nil || established.Canceller != nil {
		t.Fatalf("got %+v, %+v", established, end)
	}
	if want := []string{"open client", "connected", "ready jdoe"}; !slices.Equal(s.records, want) {
		t.Errorf("recorded %q, want %q", s.records, want)
	}
	if !established.Traffic.Waiting().Owed {
		t.Error("the traffic has not seen the command that came with the login")
	}
}

// TestMySQLNotAdmitted checks that a client which is not let in gets an error before a server
// was reached.
func TestMySQLNotAdmitted(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	s.admit = &ending.Ending{Reason: events.ReasonLimit, Description: "Too many connections"}
	_, end := logIn(t, &MySQL{Service: service(time.Minute)}, s, func() {
		if e := mysql.ParseError(read(t, s.fromClient)); e.Code != 1040 || e.State != "" || e.Message != "Too many connections" {
			t.Errorf("got %+v", e)
		}
		wantEnd(t, s.fromClient)
		s.fromClient.Close()
	}, func() {})
	if end != s.admit || !slices.Equal(s.records, []string{"open client"}) {
		t.Errorf("ended as %+v, recorded %q", end, s.records)
	}
}

// TestPanicOfAnswers checks that a panic of the goroutine that carries a client's answers
// is guarded, and that the login ends.
func TestPanicOfAnswers(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	c := newClient(s, &Service{Buffers: service(0).Buffers}, noErrors{})
	h := newHandshake(c, dialect{
		frame: mysql.Frame, headSize: mysql.HeaderSize, malformed: mysql.ErrMalformed,
		belongs: func([]byte) bool { panic("boom") },
	})
	h.reach(&Server{Conn: s.server})
	h.carryAnswers()
	send(t, s.fromClient, packet(1, "answer"))
	_, end := h.nextFromServer()
	h.release()
	if end == nil || s.caught != 1 || s.stopped != events.ReasonError {
		t.Errorf("ended as %+v with %d panics, stopped with %v", end, s.caught, s.stopped)
	}
}
