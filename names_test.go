package gatebook_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"gatebook"
	"gatebook/events"
)

// A name that is another spelling of one on the record is refused wherever one can be first
// named, and the error names both.
func TestOtherSpellingsAreRefused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := open(t, t.TempDir())
	s := start(t, r, "Edge A")
	check(t, s.DeclareService(ctx, events.ServiceDeclared{Name: "Shop", Protocol: "mysql", Servers: []string{"db a"}}))
	id, err := s.Open(ctx, events.SessionOpened{Service: "Shop"})
	check(t, err)
	record := func(e events.Event) func() error { return func() error { return s.Record(ctx, id, e) } }
	report := func(source string, list ...gatebook.Reported) func() error {
		return func() error {
			_, err := r.Report(ctx, gatebook.Report{Source: source, Incarnation: "a", Events: list})
			return err
		}
	}
	doors := map[string]struct {
		do           func() error
		given, known string
	}{
		"open":              {func() error { _, err := s.Open(ctx, events.SessionOpened{Service: "shop"}); return err }, "shop", "Shop"},
		"declare a service": {func() error { return s.DeclareService(ctx, events.ServiceDeclared{Name: "SHOP"}) }, "SHOP", "Shop"},
		"its servers": {func() error {
			return s.DeclareService(ctx, events.ServiceDeclared{Name: "other", Servers: []string{"db-a"}})
		}, "db-a", "db a"},
		"declare a server": {func() error { return s.DeclareServer(ctx, events.ServerDeclared{Name: "DB A"}) }, "DB A", "db a"},
		"change a server":  {func() error { return s.ServerChanged(ctx, events.ServerChanged{Name: "db-A"}) }, "db-A", "db a"},
		"connect":          {record(&events.ConnectionOpened{Connection: 1, Server: "db-a"}), "db-a", "db a"},
		"fail to connect":  {record(&events.ConnectionFailed{Connection: 1, Server: "DB-a"}), "DB-a", "db a"},
		"start a source": {func() error {
			_, err := r.StartSource(ctx, gatebook.SourceOptions{Name: "edge-a"})
			return err
		}, "edge-a", "Edge A"},
		"report a session": {report("out", gatebook.Reported{Key: "1", Event: &events.SessionOpened{Service: "sHOP"}}), "sHOP", "Shop"},
		"report a service": {report("out", declaresService("shop")), "shop", "Shop"},
		"report both":      {report("out", gatebook.Reported{Key: "1", Event: &events.SessionOpened{Service: "New"}}, declaresService("new")), "new", "New"},
	}
	for name, door := range doors {
		err := door.do()
		var misfit *gatebook.ReportError
		if !errors.Is(err, gatebook.ErrInvalid) && !errors.As(err, &misfit) || !strings.Contains(err.Error(), `"`+door.given+`"`) || !strings.Contains(err.Error(), `"`+door.known+`"`) {
			t.Errorf("%s as %q over %q: got error %v", name, door.given, door.known, err)
		}
	}
	check(t, report("Out 1")())
	if err := report("out-1")(); err == nil || !strings.Contains(err.Error(), `"Out 1"`) {
		t.Errorf("a report of out-1 over Out 1: got error %v", err)
	}
	check(t, s.DeclareService(ctx, events.ServiceDeclared{Name: "Shop", Protocol: "postgres"}))
	if services, _ := r.Services(); len(services) != 1 || services[0].Protocol != "postgres" {
		t.Errorf("there are services %+v, want Shop alone", services)
	}
}

// Forms of Unicode that show the same are no other spelling.
func TestFormsOfUnicodeAreOneSpelling(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "inside")
	for _, name := range []string{"caf\u00e9", "cafe\u0301"} {
		if _, err := s.Open(t.Context(), events.SessionOpened{Service: name}); err != nil {
			t.Error(err)
		}
	}
}

// Of two spellings that are recorded at the same time one is refused.
func TestSpellingsAtTheSameTime(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "inside")
	spellings := []string{"my shop", "My shop", "my-shop", "MY SHOP"}
	var recorded sync.Map
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			name := spellings[i%len(spellings)]
			switch _, err := s.Open(context.Background(), events.SessionOpened{Service: name}); {
			case err == nil:
				recorded.Store(name, true)
			case !errors.Is(err, gatebook.ErrInvalid):
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	recorded.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d spellings of one name were recorded", n)
	}
}
