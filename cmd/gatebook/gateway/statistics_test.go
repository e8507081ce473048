package gateway

import (
	"testing"
	"time"

	"gatebook"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_000_000, 0)
	always := func(int) bool { return true }
	tests := map[string]struct {
		// changed reports whether the session moves in a second.
		changed func(second int) bool
		want    []int
	}{
		"busy all the time":       {always, []int{5, 15, 35, 75, 135, 195, 255}},
		"busy once":               {func(s int) bool { return s == 3 }, []int{8}},
		"busy for four seconds":   {func(s int) bool { return s < 4 }, []int{5}},
		"busy for eight seconds":  {func(s int) bool { return s < 8 }, []int{5, 15}},
		"busy once every minute":  {func(s int) bool { return s%60 == 0 }, []int{5, 65, 125, 185, 245}},
		"busy every eight":        {func(s int) bool { return s%8 == 0 }, []int{5, 15, 35, 75, 135, 195, 255}},
		"changes when it is due":  {func(s int) bool { return s == 0 || s == 5 }, []int{5, 15}},
		"never busy":              {func(int) bool { return false }, nil},
		"idle, then busy anew":    {func(s int) bool { return s == 0 || s == 100 || s == 109 }, []int{5, 105, 115}},
		"busy until it is at the": {func(s int) bool { return s <= 200 }, []int{5, 15, 35, 75, 135, 195, 255}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchedule()
			var got []int
			for second := range 300 {
				now := begin.Add(time.Duration(second) * time.Second)
				for _, id := range s.due(now, nil) {
					if id != 7 {
						t.Fatalf("session %d is due", id)
					}
					got = append(got, second)
				}
				if test.changed(second) {
					s.changed(7, now)
				}
			}
			if len(got) != len(test.want) {
				t.Fatalf("recorded at %v, want %v", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Fatalf("recorded at %v, want %v", got, test.want)
				}
			}
		})
	}
}

// TestScheduleForgets checks that idle sessions cost nothing.
func TestScheduleForgets(t *testing.T) {
	t.Parallel()
	s := newSchedule()
	now := time.Unix(1_000_000, 0)
	for id := range uint64(1000) {
		s.changed(id, now)
	}
	if n := len(s.due(now.Add(firstInterval), nil)); n != 1000 {
		t.Errorf("%d are due", n)
	}
	if n := len(s.due(now.Add(time.Hour), nil)); n != 0 {
		t.Errorf("%d are due", n)
	}
	if len(s.paces) != 0 {
		t.Errorf("%d are kept", len(s.paces))
	}
	for interval, lane := range s.lanes {
		if len(lane) != 0 {
			t.Errorf("%d turns after %v are kept", len(lane), interval)
		}
	}
}

// TestStatistics checks that counters which change are observed at the next tick and
// recorded when they are due, and that others are not looked at.
func TestStatistics(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	client := r.dial()
	client.logIn()
	client.send([]byte("hello"))
	client.want("hello")
	now := time.Now()
	var observed []gatebook.Sample
	r.await(t, "the session is observed, and then idle", func() bool {
		r.statistics.observe(now)
		news := r.recorder.takeObserved()
		if len(news) > 0 {
			observed = news
		}
		return len(news) == 0 && len(observed) > 0
	})
	if c := observed[0]; c.Session != 1 || c.Connection != 0 || c.Counters.BytesRead == 0 || c.Active == 0 {
		t.Errorf("client: %+v", c)
	}
	if c := observed[1]; c.Session != 1 || c.Connection != 1 || c.Counters.BytesWritten != observed[0].Counters.BytesRead {
		t.Errorf("server: %+v", c)
	}
	r.statistics.record(t.Context(), now.Add(firstInterval-time.Nanosecond))
	if recorded := r.recorder.takeRecorded(); len(recorded) != 0 {
		t.Errorf("recorded too soon: %+v", recorded)
	}
	now = now.Add(firstInterval)
	r.statistics.record(t.Context(), now)
	if recorded := r.recorder.takeRecorded(); len(recorded) != 2 || recorded[0] != observed[0] || recorded[1] != observed[1] {
		t.Errorf("recorded %+v, want %+v", recorded, observed)
	}
	client.send([]byte("again"))
	client.want("again")
	r.await(t, "the session is on the list again", func() bool { return r.only().busy.Load() })
	client.Close()
	r.recorder.ended(t, 1)
	r.await(t, "the session is gone", func() bool { return len(r.sessions.index.all()) == 0 })
	// A session that has ended is looked at no more than once.
	r.statistics.observe(now)
	r.statistics.record(t.Context(), now.Add(time.Minute))
	if recorded := r.recorder.takeRecorded(); len(recorded) != 0 {
		t.Errorf("recorded an ended session: %+v", recorded)
	}
}

func (b *recorderStub) takeObserved() []gatebook.Sample { return b.take(&b.observed) }

func (b *recorderStub) takeRecorded() []gatebook.Sample { return b.take(&b.recorded) }

func (b *recorderStub) take(list *[]gatebook.Sample) []gatebook.Sample {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := *list
	*list = nil
	return taken
}

// awaitRelay waits until a session's login is over and its relay has begun.
func (r *harness) awaitRelay(t testing.TB, id uint64) {
	t.Helper()
	r.await(t, "the session is in its relay", func() bool {
		s := r.sessions.index.find(id)
		return s != nil && s.relaying.Load()
	})
}

// await waits until the condition holds.
func (r *harness) await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.After(patienceOfTests)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}
