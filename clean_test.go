package gatebook_test

import (
	"reflect"
	"strings"
	"testing"

	"gatebook"
	"gatebook/events"
)

// TestRecordedTextsAreClean records texts that are too long, or no UTF-8, through the methods
// of a source. On the record each is as [events.Clean] leaves it, and so is the description that
// is made of a killer's reason and the source's own.
func TestRecordedTextsAreClean(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "gateway")
	bad := strings.Repeat("n\xff", 700)
	id, err := s.Open(t.Context(), events.SessionOpened{Service: "shop", Listener: bad, TLS: bad, Subject: bad, Key: bad})
	if err == nil {
		err = s.Record(t.Context(), id,
			&events.ConnectionOpened{Connection: 1, Server: bad},
			&events.SessionReady{User: bad, Program: bad, Database: bad},
			&events.LoginFailed{User: bad, Program: bad, Description: bad},
		)
	}
	if err != nil {
		t.Fatal(err)
	}
	killed := make(chan error, 1)
	go func() {
		_, err := r.Kill(t.Context(), id, gatebook.Request{By: bad, Why: bad})
		killed <- err
	}()
	if _, err := s.Kills(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonKilled, Description: bad}); err != nil {
		t.Fatal(err)
	}
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	for record, err := range r.Events(0, gatebook.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		clean := events.New(record.Event.Kind())
		reflect.ValueOf(clean).Elem().Set(reflect.ValueOf(record.Event).Elem())
		events.Clean(clean)
		if !reflect.DeepEqual(clean, record.Event) {
			t.Errorf("%s is recorded as %.200q, and clean it is %.200q", record.Event.Kind(), record.Event, clean)
		}
	}
}
