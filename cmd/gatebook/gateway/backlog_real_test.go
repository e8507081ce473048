package gateway_test

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestBurstBeyondBacklog sends bursts of clients to a real server with a backlog of one connection,
// until the system has dropped some of the gateway's. It checks that the server, which serves the
// others, is never marked down, and that those that it has dropped are on the record.
func TestBurstBeyondBacklog(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t, servertest.WithArgs("--back-log=1", "--max-connections=2000"))
	// Shorter than the second after which the system tries again.
	h := openWith(t, gateway.MySQL, func(s *gateway.Service) { s.ConnectTimeout = 900 * time.Millisecond }, server)
	greeted, failed := 0, 0
	eventually(t, "the system drops a connection", func() bool {
		greeted += h.burst(100)
		for _, err := range h.Events(0, gatebook.EventFilter{Kinds: []events.Kind{events.KindConnectionFailed}}) {
			if err != nil {
				t.Fatal(err)
			}
			failed++
		}
		return failed > 0
	})
	if greeted == 0 {
		t.Error("the server has served nobody")
	}
	for record, err := range h.Events(0, gatebook.EventFilter{Kinds: []events.Kind{events.KindServerChanged}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e := record.Event.(*events.ServerChanged); e.State != events.ServerRunning {
			t.Errorf("after %d connections the server is %v: %s", greeted, e.State, e.Cause)
		}
	}
	t.Logf("%d clients were greeted", greeted)
}

// burst has clients come at once, and returns how many were greeted. They have hung up then.
func (h *endToEnd) burst(clients int) (greeted int) {
	h.t.Helper()
	said := make(chan bool, clients)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			conn, err := net.Dial("tcp", h.address())
			if err != nil {
				h.t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			header := make([]byte, 5)
			if _, err := bufio.NewReader(conn).Read(header); err != nil {
				h.t.Error(err)
				return
			}
			said <- header[4] == 10 // the version of a greeting, and not an error
		})
	}
	all.Wait()
	close(said)
	for ok := range said {
		if ok {
			greeted++
		}
	}
	return greeted
}
