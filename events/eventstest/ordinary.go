package eventstest

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"gatebook/events"
)

// The ordinary mix.
const (
	// OrdinaryRecords is the number of records of a session of the ordinary mix.
	OrdinaryRecords = 10
	// ordinaryLive is the number of sessions that are open at a time.
	ordinaryLive = 1000
	// ordinaryTicks is how often the statistics of both connections are recorded.
	ordinaryTicks = 3
	// ordinaryBegin is the time of the first record: 2026-11-23 00:00 UTC.
	ordinaryBegin = events.Time(1_795_392_000_000_000)
)

// Ordinary yields the ordinary mix of records without end, the same for the same seed.
// A session of it has the records that a gateway makes for one that lasts some minutes:
//
//	session_opened       service of 10 bytes, IPv4 address and port
//	session_ready        user of 6, database of 6, program of 12
//	connection_opened    server of 10, thread id of 5 to 6 digits
//	statistics_recorded  6: three times for the client and for the server
//	session_closed       client_closed, the finals of both connections
//
// Counters are cumulative; they grow from hundreds of calls and thousands of bytes to
// thousands and millions. Up to 1,000 sessions are open at a time, and the next record
// is of a random one. Sessions are numbered from 1 as they open. Recorded is set, as if
// by a source's clock: a log sets its own.
func Ordinary(seed uint64) iter.Seq[events.Record] {
	return func(yield func(events.Record) bool) {
		random := rand.New(rand.NewPCG(seed, 1))
		live := make([]ordinary, 0, ordinaryLive)
		now, opened := ordinaryBegin, uint64(0)
		for {
			now += events.Time(random.IntN(20_000))
			i := random.IntN(ordinaryLive)
			if i >= len(live) {
				i = len(live)
				opened++
				live = append(live, ordinary{random: random, id: opened})
			}
			s := &live[i]
			if !yield(events.Record{Session: s.id, Recorded: now, Event: s.next(now)}) {
				return
			}
			if s.step == OrdinaryRecords {
				live[i] = live[len(live)-1]
				live = live[:len(live)-1]
			}
		}
	}
}

// ordinary is a session of the mix that has not ended.
type ordinary struct {
	random *rand.Rand
	id     uint64
	step   int
	finals [2]events.Final
}

func (s *ordinary) next(now events.Time) events.Event {
	s.step++
	switch {
	case s.step == 1:
		return &events.SessionOpened{
			Source: "gateway", Incarnation: "1", Service: "orders-rw" + s.digits(1),
			Listener: "0.0.0.0:4006", Protocol: "mysql",
			Address: "10.20." + s.digits(2) + "." + s.digits(2), Port: uint16(32768 + s.random.IntN(28000)),
		}
	case s.step == 2:
		return &events.SessionReady{Database: "orders", User: "user" + s.digits(2), Program: "orders-api-" + s.digits(1)}
	case s.step == 3:
		return &events.ConnectionOpened{Connection: 1, Server: "mariadb-0" + s.digits(1), ServerID: uint64(10_000 + s.random.IntN(200_000))}
	case s.step <= 3+2*ordinaryTicks:
		f := &s.finals[s.step%2]
		f.Connection = uint32(s.step % 2)
		s.grow(f, now)
		return &events.StatisticsRecorded{Final: *f}
	}
	for i := range s.finals {
		s.grow(&s.finals[i], now)
	}
	return &events.SessionClosed{Reason: events.ReasonClientClosed, Finals: []events.Final{s.finals[0], s.finals[1]}}
}

func (s *ordinary) grow(f *events.Final, now events.Time) {
	c := &f.Counters
	calls := uint64(100 + s.random.IntN(2000))
	c.Reads += calls
	c.Writes += calls + uint64(s.random.IntN(20))
	c.BytesRead += calls * uint64(20+s.random.IntN(80))
	c.BytesWritten += calls * uint64(100+s.random.IntN(1000))
	f.Active = now - events.Time(s.random.IntN(1_000_000))
}

// digits returns a random number of n digits.
func (s *ordinary) digits(n int) string {
	limit := 1
	for range n {
		limit *= 10
	}
	return fmt.Sprintf("%0*d", n, s.random.IntN(limit))
}
