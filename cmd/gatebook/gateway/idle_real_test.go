package gateway_test

import (
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// TestIdleTimeoutSparesQueries checks that a query of a real server which takes longer
// than the idle timeout is answered, and that a client which then does nothing is ended
// with an error.
func TestIdleTimeoutSparesQueries(t *testing.T) {
	t.Parallel()
	soon := func(s *gateway.Service) { s.IdleTimeout = time.Second }
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		h := openWith(t, gateway.MySQL, soon, mariadb1(t))
		outcome := servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), "SELECT SLEEP(3); SELECT 'done'")
		if outcome.Code != 0 || !strings.Contains(outcome.Stdout, "done") {
			t.Errorf("got %+v", outcome)
		}
		h.wantEnd(1, projection.Login{User: "jdoe", Database: servertest.Database, Program: "mysql"}, events.ReasonClientClosed)
		outcome = servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), "\\! sleep 3\nSELECT 'done'")
		if outcome.Code == 0 || strings.Contains(outcome.Stdout, "done") {
			t.Errorf("an idle client got %+v", outcome)
		}
		if v := h.ended(2); v.Ending().Reason != events.ReasonIdleTimeout {
			t.Errorf("an idle session ended with %v", v.Ending().Reason)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		h := openWith(t, gateway.Postgres, soon, postgres(t))
		outcome := servertest.RunPsql(t, h.login("jdoe", "secret"), "SELECT pg_sleep(3); SELECT 'done'")
		if outcome.Code != 0 || !strings.Contains(outcome.Stdout, "done") {
			t.Errorf("got %+v", outcome)
		}
		h.wantEnd(1, projection.Login{User: "jdoe", Database: servertest.Database, Program: "psql"}, events.ReasonClientClosed)
	})
}
