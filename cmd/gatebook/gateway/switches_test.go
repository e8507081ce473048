package gateway

import (
	"testing"

	"gatebook"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// TestStoppedBefore checks that a service which was stopped before the gateway started
// lets in no client, from the first on.
func TestStoppedBefore(t *testing.T) {
	t.Parallel()
	recorder := newRecorderStub()
	close(recorder.started)
	recorder.switches <- []gatebook.Switch{{Service: "front", Stopped: true}}
	g, err := Start(t.Context(), Config{
		Servers:  []Server{{Name: "db1", Address: newStubServer(t, mysqlServer).address()}},
		Services: []Service{{Name: "front", Protocol: MySQL, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"}}},
	}, recorder, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	r := &harness{Gateway: g, recorder: recorder, t: t}
	t.Cleanup(r.close)
	wantMySQLError(r.dial(), 0, 1053)
}

// TestStoppedService checks that a stopped service lets in no client, and that its
// established sessions go on.
func TestStoppedService(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	there := r.dial()
	there.logIn()
	r.recorder.switched([]gatebook.Switch{{Service: "front", Stopped: true}, {Service: "other", Stopped: true}})
	wantMySQLError(r.dial(), 0, 1053)
	wantReason(t, r, 2, events.ReasonShutdown)
	there.send([]byte("hello"))
	there.want("hello")
	r.recorder.switched([]gatebook.Switch{{Service: "front"}})
	r.dial().logIn()
}

// TestStoppedPostgres checks that clients of PostgreSQL get the reason too.
func TestStoppedPostgres(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, nil, newStubServer(t, pgServer).address())
	r.turn(gatebook.Switch{Service: "front", Stopped: true})
	client := r.dial()
	client.send(pgLogin())
	m := client.message()
	if e := postgres.ParseError(m); e.Code != "57P03" || e.Message != "service front is stopped" {
		t.Errorf("got %+v", e)
	}
	client.Close()
	wantReason(t, r, 1, events.ReasonShutdown)
}

// switched has the gateway stop or start services, and returns when it has.
func (b *recorderStub) switched(list []gatebook.Switch) {
	b.switches <- list
	b.switches <- nil // taken only when list was dealt with
	b.switches <- nil // put only when that was taken
}
