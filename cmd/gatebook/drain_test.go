package main_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// A service that is stopped through the API lets nobody in, in the words of its
// protocol, and those who are there go on; it stays so over a restart, until it is
// started again.
func TestStopService(t *testing.T) {
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	args := []string{"--config", configure(t, "mysql", server), "--data", filepath.Join(t.TempDir(), "data")}
	p := serve(t, args...)
	to := server.Login
	to.Address, to.User, to.Password = p.services["orders"], "jdoe", "secret"
	there := login(t, to)
	put := func(what string) {
		t.Helper()
		if status, _, body := p.request(http.MethodPut, "/services/orders/"+what); status != http.StatusNoContent {
			t.Fatalf("PUT %s: %d %s", what, status, body)
		}
	}
	put("stop")
	eventually(t, "nobody is let in", func() bool {
		err := attempt(to)
		return err != nil && strings.Contains(err.Error(), "service orders is stopped")
	})
	if err := there.PingContext(t.Context()); err != nil {
		t.Errorf("a session that was there: %v", err)
	}
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	p = serve(t, args...)
	to.Address = p.services["orders"]
	if err := attempt(to); err == nil || !strings.Contains(err.Error(), "service orders is stopped") {
		t.Errorf("after a restart: %v", err)
	}
	put("start")
	eventually(t, "clients are let in", func() bool { return attempt(to) == nil })
}

// attempt logs in once.
func attempt(to servertest.Login) error {
	db, err := sql.Open("mysql", to.MySQL())
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}
