package gateway

import (
	"testing"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// TestLastWordBehindGoodbye checks that a server which ends a session just when its client says goodbye
// is heard: its word is the reason, and what it has said is counted.
func TestLastWordBehindGoodbye(t *testing.T) {
	t.Parallel()
	fatal := postgres.AppendError(nil, postgres.Error{Severity: "FATAL", Code: "57P01", Message: "the end"})
	r := newHarness(t, Postgres, nil, newStubServer(t, func(p peer) {
		p.startup()
		p.send([]byte(pgWelcome()))
		if goodbye := p.message(); goodbye.Type() != postgres.TypeTerminate {
			t.Errorf("got %q", goodbye)
		}
		p.wantEnd() // the client's goodbye and its end are under way while the server ends the session
		p.send(fatal)
	}).address())
	client := r.dial()
	client.send(pgLogin())
	client.read(len(pgWelcome()))
	client.send(pgMessage(postgres.TypeTerminate, ""))
	client.Close()
	end := r.recorder.ended(t, 1)
	if end.Reason != events.ReasonServerClosed || end.Description != "57P01: the end" {
		t.Errorf("ended with %v %q", end.Reason, end.Description)
	}
	if got, want := end.Finals[1].Counters.BytesRead, uint64(len(pgWelcome())+len(fatal)); got != want {
		t.Errorf("%d bytes of the server's are counted, want %d", got, want)
	}
}
