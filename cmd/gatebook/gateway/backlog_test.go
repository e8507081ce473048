package gateway

import (
	"fmt"
	"runtime"
	"testing"

	"gatebook/events"
)

// changeTo changes the user of a client of changeServer.
func (p peer) changeTo(user string) {
	p.t.Helper()
	p.send(mysqlPacket(0, changeUser(user, "shop", "till")))
	p.packet()
	p.send(mysqlPacket(2, "answer"))
	p.want(string(mysqlPacket(3, mysqlOK)))
}

// TestBacklogIsBounded checks that a client which changes its user again and again
// while the recorder hangs costs no more goroutines and memory each time. What there is
// no room for is counted, and the rest is recorded when the recorder goes on, the
// newest user last. It does not run beside other tests, whose goroutines it would
// count.
func TestBacklogIsBounded(t *testing.T) {
	for name, changes := range map[string]int{"within the bound": 16, "one more": 17, "far more": 300} {
		t.Run(name, func(t *testing.T) {
			wait := make(chan struct{})
			r, _ := newFickleHarness(t, RecordBestEffort, MySQL, changeServer, wait)
			client := r.dial()
			client.logIn()
			client.changeTo("first")
			before := runtime.NumGoroutine()
			for i := range changes - 1 {
				client.changeTo(fmt.Sprintf("user%d", i))
			}
			if grown := runtime.NumGoroutine() - before; grown > 3 {
				t.Errorf("%d changes cost %d goroutines", changes, grown)
			}
			lost := uint64(max(0, changes-16))
			close(wait)
			r.await(t, "what is lost is counted", func() bool {
				sum := uint64(0)
				for _, gap := range r.recorder.gaps() {
					sum += gap.Events
				}
				return sum == lost
			})
			client.Close()
			r.recorder.ended(t, 1)
			ready := find[*events.SessionReady](r.recorder.await(t, 1, events.KindSessionClosed))
			if want := 1 + changes - int(lost); len(ready) != want || ready[0].User != "jdoe" {
				t.Fatalf("recorded %d logins and changes, want %d", len(ready), want)
			}
			for i, e := range ready[2:] {
				if want := fmt.Sprintf("user%d", changes-len(ready)+1+i); e.User != want {
					t.Errorf("change %d is to %s, want %s", i+1, e.User, want)
				}
			}
			if sessions, lost := r.sessions.record.Missing(); sessions+lost > 0 {
				t.Error("a gap is left")
			}
		})
	}
}
