package gateway

import (
	"strings"
	"testing"

	"gatebook/events"
)

// TestEndNoticeCutsNothingShort checks that a client is sent the reason of its end
// where the server's last message is whole, and is only cut off otherwise.
func TestEndNoticeCutsNothingShort(t *testing.T) {
	t.Parallel()
	row := string(pgMessage('D', "\x00\x01\x00\x00\x00\x03abc"))
	full := string(mysqlPacket(1, strings.Repeat("x", 1<<24-1)))
	rest := string(mysqlPacket(2, "the rest"))
	for name, c := range map[string]struct {
		protocol Protocol
		said     string
		told     bool
	}{
		"postgres: ready":             {Postgres, "", true},
		"postgres: between two rows":  {Postgres, row + row, true},
		"postgres: in a row":          {Postgres, row + row[:9], false},
		"postgres: in a header":       {Postgres, row + row[:3], false},
		"postgres: what looks ready":  {Postgres, string(pgMessage('D', pgReady+"more"))[:5+len(pgReady)], false},
		"mysql: idle":                 {MySQL, "", true},
		"mysql: an answer":            {MySQL, string(mysqlPacket(1, mysqlOK)), true},
		"mysql: in an answer":         {MySQL, string(mysqlPacket(1, mysqlOK))[:6], false},
		"mysql: in a header":          {MySQL, string(mysqlPacket(1, mysqlOK))[:2], false},
		"mysql: in 16 MiB":            {MySQL, full, false},
		"mysql: after 16 MiB and all": {MySQL, full + rest, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve := func(p peer) {
				p.startup()
				p.send([]byte(pgWelcome() + c.said)) // the first of it comes with the login
				p.wantEnd()
			}
			if c.protocol == MySQL {
				serve = func(p peer) {
					p.send(mysqlGreeting())
					p.packet()
					p.send([]byte(string(mysqlPacket(2, mysqlOK)) + c.said))
					p.wantEnd()
				}
			}
			r := newHarness(t, c.protocol, nil, newStubServer(t, serve).address())
			client := r.dial()
			if c.protocol == MySQL {
				client.logIn()
			} else {
				client.send(pgLogin())
				client.want(pgWelcome())
			}
			client.want(c.said)
			r.awaitRelay(t, 1)
			r.recorder.kills <- []uint64{1}
			switch {
			case !c.told:
				client.wantEnd()
			case c.protocol == MySQL:
				wantMySQLError(client, 1, 1927)
			default:
				wantPostgresError(client, "57P01")
			}
			wantReason(t, r, 1, events.ReasonKilled)
		})
	}
}

// TestKillOfDeafClient checks that a client which takes nothing does not hold up the
// end of its session, whether the rest is queued or not.
func TestKillOfDeafClient(t *testing.T) {
	t.Parallel()
	for name, high := range map[string]int{"queued": DefaultHighWater, "not queued": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.HighWater = high }, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
				for {
					p.send(mysqlPacket(1, strings.Repeat("x", 1<<16)))
				}
			}).address())
			client := r.dial()
			client.logIn()
			r.awaitRelay(t, 1)
			var last uint64
			same := 0
			r.await(t, "the client takes no more", func() bool {
				before := last
				if last = r.only().client.Counters().BytesWritten; last != before {
					same = 0
				}
				same++
				return same > 30
			})
			r.recorder.kills <- []uint64{1}
			wantReason(t, r, 1, events.ReasonKilled)
		})
	}
}
