//go:build soak

package main_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// awaitNoClients waits until the clients of a run have left the server.
func awaitNoClients(t *testing.T, server *servertest.Server) {
	t.Helper()
	eventually(t, "the server has no clients", func() bool {
		all, err := server.Processes()
		return err == nil && len(all) == 0
	})
}

// loggedPostgres has PostgreSQL log connections to a file.
func loggedPostgres() servertest.Option {
	return servertest.WithArgs(
		"-c", "log_connections=on", "-c", "log_line_prefix=%p|", "-c", "logging_collector=on", "-c", "log_rotation_size=0",
		"-c", "log_directory=log", "-c", "log_filename=server.log", "-c", "log_file_mode=0644", "-c", "max_connections=300", "-c", "wal_level=logical")
}

// driverLogin is a login that succeeded: the server's own number of the connection, and who.
type driverLogin struct {
	Connection     uint64
	User, Database string
}

// compareLogins compares the logins on the record with those in the server's log: every one once, and
// no session is left.
func compareLogins(t *testing.T, p *program, known []driverLogin) {
	t.Helper()
	eventually(t, "no session is left", func() bool {
		var live []session
		p.get("/sessions", &live)
		return len(live) == 0
	})
	var list []struct {
		Kind           string
		Session        uint64
		ConnectionID   uint64 `json:"connection_id"`
		User, Database *string
		Reason         string
	}
	p.get("/events?kind=connection_opened&kind=session_ready&kind=session_closed", &list)
	connections, seen := make(map[uint64]uint64), make(map[uint64]bool)
	counts, reasons := make(map[driverLogin]int), make(map[string]int)
	for _, e := range list {
		switch e.Kind {
		case "connection_opened":
			connections[e.Session] = e.ConnectionID
		case "session_ready":
			if !seen[e.Session] { // a change of user is another matter
				seen[e.Session] = true
				counts[driverLogin{connections[e.Session], textOf(e.User), textOf(e.Database)}]++
			}
		case "session_closed":
			reasons[e.Reason]++
		}
	}
	for _, l := range known {
		counts[l]--
	}
	differ := 0
	for l, n := range counts {
		if n == 0 {
			continue
		}
		if differ++; differ <= 10 {
			t.Errorf("%+v: %d more on the record than in the server's log%s", l, n, trailOf(t, p, connections, l.Connection))
		}
	}
	t.Logf("%d logins in the server's log, %d differ; ended %v", len(known), differ, reasons)
	if len(known) == 0 {
		t.Error("the server's log has no login")
	}
	for _, reason := range []string{"login_timeout", "error", "connect_failed"} {
		if reasons[reason] > 0 {
			t.Errorf("%d sessions ended with %s", reasons[reason], reason)
		}
	}
}

// trailOf returns what is on the record of the session with a connection.
func trailOf(t *testing.T, p *program, connections map[uint64]uint64, connection uint64) string {
	t.Helper()
	for session, c := range connections {
		if c == connection {
			_, _, trail := p.request("GET", fmt.Sprintf("/sessions/%d/events", session))
			return "; of it there is " + trail
		}
	}
	return "; of it there is nothing"
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// mariadbLogins returns a function that returns the logins of the suites since now.
func mariadbLogins(t *testing.T, server *servertest.Server) func() []driverLogin {
	t.Helper()
	execute(t, server, "TRUNCATE mysql.general_log")
	return func() []driverLogin {
		rows, err := server.Query("SELECT thread_id, argument, command_type FROM mysql.general_log WHERE command_type IN ('Connect', 'Change user') AND user_host NOT LIKE '%gatebook_admin%' ORDER BY event_time")
		if err != nil {
			t.Fatal(err)
		}
		logins, changed := make(map[uint64]driverLogin), make(map[uint64]bool)
		for _, row := range rows {
			var l driverLogin
			if _, err := fmt.Sscan(row[0], &l.Connection); err != nil {
				t.Fatal(err)
			}
			changed[l.Connection] = changed[l.Connection] || row[2] == "Change user"
			if changed[l.Connection] {
				continue
			}
			// "suite@127.0.0.1 on gotest using TCP/IP", or "Access denied for user …" after it
			if strings.HasPrefix(row[1], "Access denied") {
				delete(logins, l.Connection)
				continue
			}
			account, rest, _ := strings.Cut(row[1], " on ")
			l.User = account[:strings.LastIndexByte(account, '@')]
			l.Database, _, _ = strings.Cut(rest, " using ")
			if l.User != "gatebook_admin" {
				logins[l.Connection] = l
			}
		}
		return slices.Collect(maps.Values(logins))
	}
}

// postgresLogins is like mariadbLogins.
func postgresLogins(t *testing.T, server *servertest.Server) func() []driverLogin {
	t.Helper()
	rows, err := server.Query("SHOW data_directory")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(rows[0][0], "log", "server.log")
	// upTo returns the log up to now: the server writes it through another process.
	upTo := func() string {
		mark := "mark " + rand.Text() + " of the test"
		execute(t, server, "DO $$ BEGIN RAISE LOG '"+mark+"'; END $$")
		var text string
		eventually(t, "the log has the mark", func() bool {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text, _, _ = strings.Cut(string(b), "LOG:  "+mark)
			return len(text) < len(b)
		})
		return text
	}
	before := len(upTo())
	return func() []driverLogin {
		var all []driverLogin
		for _, line := range strings.Split(upTo()[before:], "\n") {
			process, message, _ := strings.Cut(line, "|")
			_, who, authorized := strings.Cut(message, "connection authorized: user=")
			var l driverLogin
			if last := len(all) - 1; strings.HasPrefix(message, "FATAL:") && last >= 0 && process == fmt.Sprint(all[last].Connection) &&
				(strings.Contains(message, "parameter") || strings.Contains(message, "does not exist")) {
				all = all[:last] // it was authorized, and its settings or its database were refused
				continue
			}
			if _, err := fmt.Sscan(process, &l.Connection); err != nil || !authorized {
				continue
			}
			l.User, who, _ = strings.Cut(who, " database=")
			l.Database, _, _ = strings.Cut(who, " application_name=")
			l.Database, _, _ = strings.Cut(l.Database, " SSL")
			if l.User != "gatebook_admin" {
				all = append(all, l)
			}
		}
		return all
	}
}
