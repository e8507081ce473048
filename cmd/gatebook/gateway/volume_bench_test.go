package gateway

import (
	"fmt"
	"testing"
	"time"

	"gatebook/events"
)

// day is what the statistics of one day put into the log.
type day struct {
	bytes, records, ticks int
	// most is how many records one tick makes at most.
	most int
}

// simulateDay runs the schedule for a day over sessions that are busy all the time,
// a thousand queries a second each, and stores what is due as the log does. They
// begin within a minute.
func simulateDay(sessions uint64) (d day) {
	s := newSchedule()
	begin := time.Unix(1_764_000_000, 0)
	var due []uint64
	var buffer []byte
	sequence := uint64(1_000_000)
	for second := range 24 * 60 * 60 {
		now := begin.Add(time.Duration(second) * time.Second)
		due = s.due(now, due[:0])
		for _, id := range due {
			s.changed(id, now)
			for connection := range uint32(2) {
				sequence++
				buffer = storeSample(buffer[:0], id, connection, uint64(second), sequence, now)
				d.bytes += len(buffer)
			}
		}
		if second < 60 {
			for id := uint64(second) + 1; id <= sessions; id += 60 {
				s.changed(id, now)
			}
		}
		if len(due) > 0 {
			d.ticks++
		}
		d.records += 2 * len(due)
		d.most = max(d.most, 2*len(due))
	}
	return d
}

// storeSample returns a sample as the log stores it.
func storeSample(b []byte, id uint64, connection uint32, second, sequence uint64, now time.Time) []byte {
	n := second*1000 + id
	in, out := n*112, n*347
	if connection == 1 {
		in, out = out, in
	}
	at := events.TimeOf(now)
	r := events.Record{Session: id, Sequence: sequence, Recorded: at, Event: &events.StatisticsRecorded{Final: events.Final{
		Connection: connection, Active: at - 1234,
		Counters: events.Counters{Reads: n, Writes: n, BytesRead: in, BytesWritten: out},
	}}}
	b = events.Append(b, &r, func([]byte) {})
	return events.Seal(b, sequence, at)
}

// BenchmarkStatisticsOfADay shows how much busy sessions write into the log in a
// day.
func BenchmarkStatisticsOfADay(b *testing.B) {
	for _, sessions := range []uint64{200, 10_000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			var d day
			for b.Loop() {
				d = simulateDay(sessions)
			}
			b.ReportMetric(float64(d.bytes)/1e6, "MB/day")
			b.ReportMetric(float64(d.records), "records/day")
			b.ReportMetric(float64(d.ticks), "appends/day")
			b.ReportMetric(float64(d.most), "records/append-max")
			b.ReportMetric(float64(d.bytes)/float64(d.records), "B/record")
		})
	}
}

// TestStatisticsOfADay checks that a session which is busy all day is recorded once a
// minute, and that all sessions due at one tick are recorded by one call.
func TestStatisticsOfADay(t *testing.T) {
	t.Parallel()
	d := simulateDay(60)
	const turns = 24*60 + 3 // 5, 15 and 35 seconds, then every minute from 75 on
	if d.records < 2*60*(turns-3) || d.records > 2*60*turns {
		t.Errorf("%d records of 60 sessions", d.records)
	}
	if d.ticks > 24*60*60 {
		t.Errorf("%d appends", d.ticks)
	}
	if size := d.bytes / d.records; size > 80 {
		t.Errorf("%d bytes a record", size)
	}
}

// BenchmarkIdleLook measures one look for idle sessions.
func BenchmarkIdleLook(b *testing.B) {
	const count = 100_000
	g := &Gateway{sessions: &sessions{index: newSessionIndex(), backends: newBackends(nil, nil)}}
	service := g.sessions.newService(Service{Name: "front", Protocol: MySQL, IdleTimeout: time.Hour})
	g.services = append(g.services, service)
	for range count {
		g.sessions.index.add(&session{sessions: g.sessions, service: service})
	}
	now := time.Now()
	for b.Loop() {
		g.endIdle(now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/session")
}
