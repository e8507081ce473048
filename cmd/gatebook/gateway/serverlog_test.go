package gateway

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"gatebook/events"
)

// statesRecorder takes every state.
type statesRecorder struct{}

func (statesRecorder) ServerChanged(context.Context, events.ServerChanged) error { return nil }

// TestServerStatesAreLogged has sessions find out that a server is down and back, each
// several times: each change is logged once, and that a server answers at first is not.
func TestServerStatesAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &logEntries{}
		all := newBackends(statesRecorder{}, []Server{{Name: "db-1", Address: "192.0.2.1:3306"}, {Name: "db-2", Address: "192.0.2.2:3306"}})
		all.log = zerolog.New(log)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			all.run(ctx, func(err error) { t.Error(err) })
		}()
		db1, db2 := all.find("db-1"), all.find("db-2")
		for _, found := range []func(){
			func() { all.answered(db1) }, func() { all.failed(db2, "connection refused") },
			func() { all.failed(db2, "connection refused") }, func() { all.failed(db1, "no route to host") },
			func() { all.answered(db2) }, func() { all.answered(db2) }, func() { all.failed(db2, "timeout") }, func() { all.answered(db1) },
		} {
			found()
			time.Sleep(time.Millisecond) // until the change is recorded, by the bubble's clock
		}
		stop()
		<-ended
		var got []string
		for _, e := range log.with("server") {
			got = append(got, fmt.Sprint(e["level"], " ", e["message"], " ", e["server"], " ", e["cause"]))
		}
		want := []string{
			"warn server is down db-2 connection refused", "warn server is down db-1 no route to host",
			"info server is back db-2 <nil>", "warn server is down db-2 timeout", "info server is back db-1 <nil>",
		}
		if !slices.Equal(got, want) {
			t.Errorf("logged are %q, want %q", got, want)
		}
	})
}
