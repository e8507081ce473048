package gateway_test

import (
	"context"
	"database/sql"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/gateway"
	"gatebook/events"
)

// TestCrowd checks that a thousand clients at once, half of which leave before the
// rest, are all recorded right, and that nothing is left behind.
func TestCrowd(t *testing.T) {
	const crowd = 1000
	first, second := mariadb1(t), mariadb2(t)
	h := open(t, gateway.MySQL, first, second)
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(-1) // closing a connection hangs up
	goroutines, descriptors := runtime.NumGoroutine(), openFiles(t)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	clients := make([]*sql.Conn, crowd)
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() {
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			clients[i] = conn
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	wantCounts(t, h, crowd, 0)
	leave(clients[:crowd/2])
	wantCounts(t, h, crowd/2, crowd/2)
	leave(clients[crowd/2:])
	wantCounts(t, h, 0, crowd)

	byServer := make(map[string]int)
	listing, err := h.Sessions(gatebook.Query{Closed: true})
	if err != nil {
		t.Fatal(err)
	}
	for v, err := range listing.All() {
		if err != nil {
			t.Fatal(err)
		}
		if v.Ending().Reason != events.ReasonClientClosed || v.Login().User != "jdoe" || len(v.Connections) != 1 {
			t.Errorf("session %d of %+v ended with %v", v.ID, v.Login(), v.Ending())
		}
		byServer[v.Connections[0].Server()]++
	}
	if byServer["db1"] != crowd/2 || byServer["db2"] != crowd/2 {
		t.Errorf("shared out as %v", byServer)
	}
	eventually(t, "goroutines and descriptors are given back", func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles(t) <= descriptors+2
	})
}

// leave lets clients hang up.
func leave(clients []*sql.Conn) {
	for _, conn := range clients {
		_ = conn.Close()
	}
}

// wantCounts waits until so many sessions are live and so many have ended.
func wantCounts(t *testing.T, h *endToEnd, live int, closed uint64) {
	t.Helper()
	eventually(t, "the book has counted", func() bool {
		m := h.Moment()
		return m.Live == live && m.Closed == closed && m.Lost == 0
	})
}

// openFiles returns how many descriptors this process has.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
