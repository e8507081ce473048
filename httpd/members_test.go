package httpd_test

import (
	"testing"

	"gatebook/events"
	"gatebook/httpd"
)

// TestMembersOnRequest compares the members of a session's certificate and type, of the names
// in a failed login, and of a server that does not answer.
func TestMembersOnRequest(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	s := startSource(t, registry, "edge-1")
	id := open(t, s, events.SessionOpened{Service: "orders", Type: events.TypeCancel, Subject: "CN=till"})
	check(t, s.Record(t.Context(), id, &events.SessionClosed{
		Reason: events.ReasonAuthFailed, User: "jdoe", Database: "shop", Program: "psql",
	}))
	check(t, s.ServerChanged(t.Context(), events.ServerChanged{
		Name: "db-1", State: events.ServerDown, Since: 1_000_000, Cause: "connection refused",
	}))
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	for target, want := range map[string]string{
		"/sessions/1?fields=subject,type":                 `{"subject":"CN=till","type":"cancel"}`,
		"/sessions/1?fields=reason,user,database,program": `{"user":"jdoe","reason":"auth_failed","database":"shop","program":"psql"}`,
		"/servers/db-1?fields=status,since,cause":         `{"status":["down"],"since":"1970-01-01T00:00:01.000000Z","cause":"connection refused"}`,
		"/servers?fields=since,cause":                     `[{"since":"1970-01-01T00:00:01.000000Z","cause":"connection refused"}]`,
	} {
		if got := ask(t, client(t), "GET", base+target); got.status != 200 || got.body != want+"\n" {
			t.Errorf("%s: got %d %s", target, got.status, got.body)
		}
	}
}
