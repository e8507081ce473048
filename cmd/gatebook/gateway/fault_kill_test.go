package gateway

import (
	"io"
	"strings"
	"testing"

	"gatebook/events"
)

// TestKillInCommand checks that a client which is stuck within a command, or sends
// garbage, is killed like any other.
func TestKillInCommand(t *testing.T) {
	query := mysqlPacket(0, "\x03"+strings.Repeat("SELECT 1;", 100))
	statement := pgMessage('Q', strings.Repeat("SELECT 1;", 100)+"\x00")
	for name, test := range map[string]struct {
		protocol Protocol
		fault    func(p peer)
	}{
		"mysql: half a packet":   {MySQL, func(p peer) { p.send(query[:len(query)/2]) }},
		"mysql: a false length":  {MySQL, func(p peer) { p.send(append([]byte("\xff\xff\xff\x00"), query[4:]...)) }},
		"mysql: byte by byte":    {MySQL, func(p peer) { go drip(p, query) }},
		"mysql: garbage":         {MySQL, func(p peer) { p.send(noise(1, 64<<10)) }},
		"postgres: half":         {Postgres, func(p peer) { p.send(statement[:len(statement)/2]) }},
		"postgres: false length": {Postgres, func(p peer) { p.send(append([]byte("Q\x7f\xff\xff\xff"), statement[5:]...)) }},
		"postgres: byte by byte": {Postgres, func(p peer) { go drip(p, statement) }},
		"postgres: garbage":      {Postgres, func(p peer) { p.send(noise(1, 64<<10)) }},
		"tcp: byte by byte":      {TCP, func(p peer) { go drip(p, query) }},
	} {
		givesBack(t, name, func(t *testing.T) {
			heard := make(chan struct{})
			r := newHarness(t, test.protocol, nil, newStubServer(t, func(p peer) {
				switch test.protocol {
				case MySQL:
					p.send(mysqlGreeting())
					p.packet()
					p.send(mysqlPacket(2, mysqlOK))
				case Postgres:
					p.startup()
					p.send([]byte(pgWelcome()))
				}
				p.read(1)
				close(heard)
				_, _ = io.Copy(io.Discard, p) // and sends nothing
			}).address())
			client := r.dial()
			r.logIn(client)
			test.fault(client)
			<-heard
			r.awaitRelay(t, 1)
			r.recorder.kills <- []uint64{1}
			expectReason(t, r, events.ReasonKilled)
			switch test.protocol { // its server has sent nothing that could be cut short
			case MySQL:
				wantMySQLError(client, 1, 1927)
			case Postgres:
				wantPostgresError(client, "57P01")
			default:
				client.wantEnd()
			}
			client.Close()
		})
	}
}

// TestKillBeforeReset checks that the reason is the kill where a result stops, its
// session is killed, and then its server breaks off.
func TestKillBeforeReset(t *testing.T) {
	row := mysqlPacket(1, strings.Repeat("0123456789", 1<<12))
	givesBack(t, "killed", func(t *testing.T) {
		r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
			p.send(mysqlGreeting())
			p.packet()
			p.send(mysqlPacket(2, mysqlOK))
			p.packet()
			p.send(row[:len(row)/2])
			p.wantEnd()
			p.SetLinger(0)
		}).address())
		client := r.dial()
		client.logIn()
		client.send(mysqlPacket(0, "\x03SELECT 1"))
		client.want(string(row[:len(row)/2]))
		r.recorder.kills <- []uint64{1}
		expectReason(t, r, events.ReasonKilled)
		client.wantEnd()
		client.Close()
	})
}

// TestKillInFlood checks that silent clients are killed while many others connect.
func TestKillInFlood(t *testing.T) {
	const flood = 300
	givesBack(t, "killed", func(t *testing.T) {
		r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
		clients := make(chan peer, flood)
		go func() {
			defer close(clients)
			for range flood {
				clients <- r.dial()
			}
		}()
		for id := range uint64(flood) {
			r.recorder.await(t, id+1, events.KindSessionOpened)
			r.recorder.kills <- []uint64{id + 1}
		}
		for client := range clients {
			_, _ = io.Copy(io.Discard, client) // ends
			client.Close()
		}
		for id := range uint64(flood) {
			wantReason(t, r, id+1, events.ReasonKilled)
		}
	})
}
