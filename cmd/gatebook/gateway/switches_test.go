package gateway

import (
	"context"
	"testing"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// A registry's source tells of switches.
var _ Switchboard = (*gatebook.Source)(nil)

// TestStoppedBefore: a service that was stopped before the gateway started lets
// nobody in from the first client on.
func TestStoppedBefore(t *testing.T) {
	t.Parallel()
	board := boardStub{newBookStub(), make(chan []Switch, 1)}
	close(board.started)
	board.switches <- []Switch{{Service: "front", Stopped: true}}
	g, err := Start(t.Context(), Config{
		Servers:  []Server{{Name: "db1", Address: newStubServer(t, mysqlServer).address()}},
		Services: []Service{{Name: "front", Protocol: MySQL, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"}}},
	}, board, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Gateway: g, book: board.bookStub, t: t}
	t.Cleanup(r.close)
	wantMySQLError(r.dial(), 0, 1053)
}

// boardStub is a bookStub that switches services.
type boardStub struct {
	*bookStub
	switches chan []Switch
}

func (b boardStub) Switches(ctx context.Context) ([]Switch, error) {
	select {
	case list := <-b.switches:
		return list, nil
	default:
	}
	select {
	case list := <-b.switches:
		return list, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestStoppedService: a service that is stopped lets nobody in, and those that are
// there go on.
func TestStoppedService(t *testing.T) {
	t.Parallel()
	r := newRig(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	board := boardStub{r.book, make(chan []Switch)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.workers.Go(func() { r.watchSwitches(ctx, board) })
	there := r.dial()
	there.logIn()
	board.switches <- []Switch{{Service: "front", Stopped: true}, {Service: "other", Stopped: true}}
	board.switches <- nil // taken only when the first was dealt with
	wantMySQLError(r.dial(), 0, 1053)
	wantReason(t, r, 2, events.ReasonShutdown)
	there.send([]byte("hello"))
	there.want("hello")
	board.switches <- []Switch{{Service: "front"}}
	board.switches <- nil
	r.dial().logIn()
	cancel()
}

// TestStoppedPostgres: its clients hear so as well.
func TestStoppedPostgres(t *testing.T) {
	t.Parallel()
	r := newRig(t, Postgres, nil, newStubServer(t, pgServer).address())
	r.turn(Switch{Service: "front", Stopped: true})
	client := r.dial()
	client.send(pgLogin())
	m := client.message()
	if e := postgres.ParseError(m); e.Code != "57P03" || e.Message != "service front is stopped" {
		t.Errorf("got %+v", e)
	}
	client.Close()
	wantReason(t, r, 1, events.ReasonShutdown)
}
