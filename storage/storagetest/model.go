package storagetest

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/storage"
)

// model runs random operations on a log, reopening included, and compares it with a
// slice of what should be in it.
func model(t *testing.T, create func(t *testing.T) Reopenable) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{checkedLog: &checkedLog{place: create(t)}, last: make(map[uint64]uint64)}
		m.clock = func() events.Time { return m.now }
		if err := m.start(); err != nil {
			r.Fatal(err)
		}
		defer func() {
			if err := m.check(); err != nil {
				r.Error(err)
			}
		}()
		r.Repeat(rapid.StateMachineActions(m))
	})
}

// machine is a log, and what should be in it.
type machine struct {
	*checkedLog
	now  events.Time
	want []events.Record
	last map[uint64]uint64 // of each stream
	// floor is the head when the log was opened. Of streams that were not written
	// since, the log need only know that their last record is at or before it.
	floor uint64
}

// Check compares the delivered records with those that should be in the log.
func (m *machine) Check(t *rapid.T) {
	if err := same("delivered", m.records(), m.want); err != nil {
		t.Fatal(err)
	}
	if got, want := m.Head().Sequence, uint64(len(m.want)); got != want {
		t.Fatalf("the head is %d, want %d", got, want)
	}
	if err := m.Err(); err != nil {
		t.Fatalf("not ready: %v", err)
	}
}

// AppendList appends a list, some of whose expectations may be too low.
func (m *machine) AppendList(t *rapid.T) {
	m.now += events.Time(rapid.Int64Range(-5, 20).Draw(t, "clock"))
	entries := make([]storage.Entry, rapid.IntRange(1, 5).Draw(t, "length"))
	refused, refusable := false, false
	for i := range entries {
		e := &entries[i]
		e.Record = eventstest.Record(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
		stream := rapid.Uint64Range(0, 4).Draw(t, "stream")
		e.Record.Session = stream
		e.Expect = rapid.Uint64Range(0, uint64(len(m.want))).Draw(t, "expect")
		if rapid.Bool().Draw(t, "seen the head") {
			e.Expect = uint64(len(m.want))
		}
		refused = refused || stream != 0 && e.Expect < m.last[stream]
		refusable = refusable || stream != 0 && e.Expect < m.floor && m.last[stream] <= m.floor
	}
	err := m.put(entries...)
	switch {
	case errors.Is(err, storage.ErrConflict) && (refused || refusable):
		return
	case err != nil:
		t.Fatalf("append %+v: %v", entries, err)
	case refused:
		t.Fatalf("append %+v: taken, although a stream has moved on: %v", entries, m.last)
	}
	for i := range entries {
		r := entries[i].Record
		m.want = append(m.want, r)
		m.last[r.Session] = r.Sequence
	}
}

// ReadPage reads some of the records.
func (m *machine) ReadPage(t *rapid.T) {
	total := uint64(len(m.want))
	after := rapid.Uint64Range(0, total+3).Draw(t, "after")
	buffer := make([]events.Record, rapid.IntRange(0, 10).Draw(t, "size"))
	n, err := m.Read(after, buffer)
	if err != nil {
		t.Fatal(err)
	}
	var want []events.Record
	if after < total {
		want = m.want[after:min(total, after+uint64(len(buffer)))]
	}
	if err := same("read", buffer[:n], want); err != nil {
		t.Fatal(err)
	}
}

// Reopen closes the log, and starts it after any of its records.
func (m *machine) Reopen(t *rapid.T) {
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	after := rapid.IntRange(0, len(m.want)).Draw(t, "after")
	m.delivered = m.delivered[:after]
	if err := m.start(); err != nil {
		t.Fatal(err)
	}
	m.floor = uint64(len(m.want))
}
