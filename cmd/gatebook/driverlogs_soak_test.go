//go:build soak

package main_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// mariadbLog is the general log of MariaDB, and its log of errors.
type mariadbLog struct {
	server *servertest.Server
	// errors is the file with the latter, and read how much of it was read.
	errors string
	read   int
}

// loggedMariaDB has MariaDB log every command, and why connections end.
func loggedMariaDB(args ...string) servertest.Option {
	return servertest.WithArgs(append([]string{"--general-log", "--log-output=TABLE", "--log-warnings=9", "--log-error=errors.log", "--local-infile=1"}, args...)...)
}

// newMariaDBLog returns the log of a server with [loggedMariaDB].
func newMariaDBLog(t *testing.T, server *servertest.Server) *mariadbLog {
	t.Helper()
	rows, err := server.Query("SELECT @@datadir")
	if err != nil {
		t.Fatal(err)
	}
	return &mariadbLog{server: server, errors: filepath.Join(rows[0][0], "errors.log")}
}

func (l *mariadbLog) sessions(t *testing.T) map[uint64]*serverSession {
	t.Helper()
	rows, err := l.server.Query("SELECT thread_id, command_type, argument FROM mysql.general_log")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, l.server, "TRUNCATE mysql.general_log")
	all, changing := make(map[uint64]*serverSession), make(map[uint64]bool)
	for _, row := range rows {
		var id uint64
		if _, err := fmt.Sscan(row[0], &id); err != nil {
			t.Fatal(err)
		}
		if row[1] != "Connect" && row[1] != "Init DB" {
			changing[id] = true // a change of user, or something after which one may come
		}
		if !changing[id] {
			l.login(sessionOf(all, id), row[1], row[2])
		}
	}
	b, err := os.ReadFile(l.errors)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b[l.read:]), "\n") {
		l.end(all, line)
	}
	l.read = len(b)
	for id, s := range all {
		if s.user == administrator {
			delete(all, id)
		}
	}
	return all
}

// login takes note of a line of the general log that is about a login.
func (l *mariadbLog) login(s *serverSession, command, argument string) {
	denied, refused := strings.CutPrefix(argument, "Access denied for user ")
	switch {
	case refused && s.ready && !strings.HasPrefix(denied, "'"+s.user+"'"): // a change of user
		return
	case refused:
		s.ready, s.ended = false, byRefusal
	case command == "Connect" && !s.ready: // "suite@127.0.0.1 on gotest using TCP/IP"
		account, rest, _ := strings.Cut(argument, " on ")
		s.ready, s.user = true, account[:strings.LastIndexByte(account, '@')]
		s.database, _, _ = strings.Cut(rest, " using ")
	}
	s.said += command + " " + argument + "\n"
}

// end takes note of a line of the log of errors.
func (l *mariadbLog) end(all map[uint64]*serverSession, line string) {
	_, rest, aborted := strings.Cut(line, "[Warning] Aborted connection ")
	if !aborted {
		return
	}
	var id uint64
	if _, err := fmt.Sscan(rest, &id); err != nil {
		return
	}
	s := sessionOf(all, id)
	if s.ended == byRefusal {
		return
	}
	s.said += line + "\n"
	s.ended = byClient
	for _, word := range []string{"(KILLED)", "timeout", "max_allowed_packet"} {
		if strings.Contains(rest, word) {
			s.ended = byServer
		}
	}
}

// administrator is the user of the statements that a test executes.
const administrator = "gatebook_admin"

// sessionOf returns a session of a log, which it adds.
func sessionOf(all map[uint64]*serverSession, id uint64) *serverSession {
	if all[id] == nil {
		all[id] = &serverSession{connection: id, ended: byClient}
	}
	return all[id]
}

// postgresLog is the log of PostgreSQL.
type postgresLog struct {
	server *servertest.Server
	path   string
	read   int
}

// loggedPostgres has PostgreSQL log connections and their ends to a file.
func loggedPostgres() servertest.Option {
	return servertest.WithArgs(
		"-c", "log_connections=on", "-c", "log_disconnections=on", "-c", "log_line_prefix=%p|%e|", "-c", "logging_collector=on", "-c", "log_rotation_size=0",
		"-c", "log_directory=log", "-c", "log_filename=server.log", "-c", "log_file_mode=0644", "-c", "max_connections=300", "-c", "wal_level=logical")
}

// newPostgresLog returns the log of a server with [loggedPostgres].
func newPostgresLog(t *testing.T, server *servertest.Server) *postgresLog {
	t.Helper()
	rows, err := server.Query("SHOW data_directory")
	if err != nil {
		t.Fatal(err)
	}
	return &postgresLog{server: server, path: filepath.Join(rows[0][0], "log", "server.log")}
}

func (l *postgresLog) sessions(t *testing.T) map[uint64]*serverSession {
	t.Helper()
	text := l.upToNow(t)
	all := make(map[uint64]*serverSession)
	for _, line := range strings.Split(text[l.read:], "\n") {
		process, rest, _ := strings.Cut(line, "|")
		state, message, _ := strings.Cut(rest, "|")
		var id uint64
		if _, err := fmt.Sscan(process, &id); err != nil {
			continue
		}
		if _, port, received := strings.Cut(message, "connection received: host=127.0.0.1 port="); received {
			s := &serverSession{connection: id, ended: byClient}
			if _, err := fmt.Sscan(port, &s.port); err != nil {
				t.Fatal(err)
			}
			if before := all[id]; before != nil { // processes are soon numbered anew
				all[id|uint64(len(all))<<32] = before
			}
			all[id] = s
		}
		if s := all[id]; s != nil {
			l.message(s, state, message)
		}
	}
	l.read = len(text)
	for id, s := range all {
		if s.user == administrator { // its port may be one that the tap has had
			delete(all, id)
		}
	}
	return all
}

// message takes note of a line of the log. state is its SQLSTATE.
func (l *postgresLog) message(s *serverSession, state, message string) {
	_, who, authorized := strings.Cut(message, "connection authorized: user=")
	fatal := strings.HasPrefix(message, "FATAL:")
	switch {
	case authorized:
		s.ready = true
		s.user, who, _ = strings.Cut(who, " database=")
		s.database, _, _ = strings.Cut(who, " application_name=")
		s.database, _, _ = strings.Cut(s.database, " SSL")
	case fatal && (strings.HasPrefix(state, "53") || strings.HasPrefix(state, "57P")):
		s.ended = byServer
	case fatal && strings.HasPrefix(state, "08"): // the client has gone
	case fatal && (!s.ready || strings.Contains(message, "parameter") || strings.Contains(message, "does not exist")):
		s.ready, s.ended = false, byRefusal // it may be authorized, and its settings or its database refused
	case fatal:
		s.ended = byServer
	default:
		return
	}
	s.said += message + "\n"
}

// upToNow returns the log up to now: the server writes it through another process.
func (l *postgresLog) upToNow(t *testing.T) string {
	t.Helper()
	mark := "mark " + rand.Text() + " of the test"
	execute(t, l.server, "DO $$ BEGIN RAISE LOG '"+mark+"'; END $$")
	var text string
	eventually(t, "the log has the mark", func() bool {
		b, err := os.ReadFile(l.path)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ = strings.Cut(string(b), "LOG:  "+mark)
		return len(text) < len(b)
	})
	return text
}
