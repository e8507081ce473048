//go:build soak

package main_test

import (
	"maps"
	"slices"
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

// serverSession is a connection as the server's own log has it.
type serverSession struct {
	connection uint64
	// port is the client's, 0 if the log does not have it.
	port int
	// ready: the login succeeded, as user for database.
	ready          bool
	user, database string
	// ended is why the server says that the connection has ended.
	ended serverEnd
	// said are the lines of the log about it, as far as they matter.
	said string
}

// serverEnd is why a connection has ended, in the server's view.
type serverEnd string

const (
	// byClient: the client has gone, with or without a goodbye, or the server has said nothing.
	byClient serverEnd = "client"
	// byServer: the server has ended it, or had no room for it.
	byServer serverEnd = "server"
	// byRefusal: the server has refused the login.
	byRefusal serverEnd = "refused"
)

// reason is the one that the book is to have.
func (e serverEnd) reason() string {
	return map[serverEnd]string{byClient: "client_closed", byServer: "server_closed", byRefusal: "auth_failed"}[e]
}

// serverLog is a server's own log.
type serverLog interface {
	// sessions returns the connections since the last call, those that did not come through the
	// gateway among them if they have a port.
	sessions(t *testing.T) map[uint64]*serverSession
}

// driverLogin is a login that succeeded: the server's own number of the connection, and who.
type driverLogin struct {
	Connection     uint64
	User, Database string
}

// compareLogins compares the logins on the record with those in the server's log: every one once.
func compareLogins(t *testing.T, p *program, sessions []*recordedSession, known map[uint64]*serverSession) {
	t.Helper()
	counts, byConnection, logins := make(map[driverLogin]int), make(map[uint64]uint64), 0
	for _, s := range sessions {
		byConnection[s.connection] = s.id
		if s.ready {
			counts[driverLogin{s.connection, s.user, s.database}]++
		}
	}
	for _, s := range known {
		if s.ready {
			logins++
			counts[driverLogin{s.connection, s.user, s.database}]--
		}
	}
	differ := 0
	for l, n := range counts {
		if n == 0 {
			continue
		}
		if differ++; differ <= 10 {
			t.Errorf("%+v: %d more on the record than in the server's log%s", l, n, trailOf(p, byConnection[l.Connection]))
		}
	}
	t.Logf("logins: %d sessions, %d logins in the server's log, %d differ", len(sessions), logins, differ)
	if logins == 0 {
		t.Error("the server's log has no login")
	}
}

// compareEnds compares the reasons on the record with what the server says about the ends. A
// connection whose number the book does not know is compared by its reason alone. A session
// that has reached no server is none of the server's, unless it was reached just when the client
// hung up. A
// network error is what the tap has seen too: a reset, which the server may not tell from an end.
// Of a request to cancel a query the server's log has nothing, and either side may close first.
func compareEnds(t *testing.T, p *program, sessions []*recordedSession, known map[uint64]*serverSession, resets map[uint64]bool) {
	t.Helper()
	left, counts, reasons := maps.Clone(known), make(map[string]int), make(map[string]int)
	compared, unreached, differ := 0, 0, 0
	for _, s := range sessions {
		reasons[s.reason]++
		server := known[s.connection]
		switch {
		case server == nil && s.connection != 0:
			t.Errorf("connection %d is not in the server's log%s", s.connection, trailOf(p, s.id))
		case !s.reached && s.reason == "client_closed":
			unreached++
		case server == nil && s.kind == "cancel":
			counts[byClient.reason()]++
		case server == nil:
			counts[s.reason]++
		default:
			delete(left, s.connection)
			compared++
			if s.reason == server.ended.reason() || s.reason == "network_error" && server.ended == byClient && resets[s.id] {
				continue
			}
			if differ++; differ <= 10 {
				t.Errorf("connection %d ended by %s, and %q in the server's log%s", s.connection, s.reason, server.said, trailOf(p, s.id))
			}
		}
	}
	for _, server := range left {
		counts[server.ended.reason()]--
		compared++
	}
	if n := counts[byClient.reason()]; n < 0 && -n <= unreached {
		counts[byClient.reason()] = 0
	}
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[reason]; n != 0 {
			differ++
			t.Errorf("%s: %d more on the record than in the server's log, of connections without a number", reason, n)
		}
	}
	t.Logf("ends: %d compared, %d differ; %d sessions have reached no server; the book has %v", compared, differ, unreached, reasons)
}
