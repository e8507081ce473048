package projection_test

import (
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/projection"
)

const (
	// Each batch has this many records, so that a reader can detect half of one.
	batchSize = 30
	batches   = 100
)

// ordinary yields batches of the ordinary mix, of one in 16 of its sessions. Some of
// them are lost instead of closed.
func ordinary() iter.Seq[[]events.Record] {
	return func(yield func([]events.Record) bool) {
		batch := make([]events.Record, 0, batchSize)
		sequence := uint64(0)
		for r := range eventstest.Ordinary(7) {
			if r.Session%16 != 0 {
				continue
			}
			sequence++
			r.Sequence = sequence
			if _, ends := r.Event.(*events.SessionClosed); ends && r.Session%48 == 0 {
				r.Event = &events.SessionLost{Cause: events.ReasonSourceLost}
			}
			if batch = append(batch, r); len(batch) < batchSize {
				continue
			}
			if !yield(batch) || sequence == batches*batchSize {
				return
			}
			batch = make([]events.Record, 0, batchSize)
		}
	}
}

// TestReadersBesideTheWriter reads while other goroutines apply, observe and save. All
// that one call returns is of one moment, which is never inside a batch and never goes
// back.
func TestReadersBesideTheWriter(t *testing.T) {
	t.Parallel()
	b := newFakeArchive()
	var mu sync.Mutex // guards b
	s := projection.New(func(id uint64) (*projection.Session, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.archive(id)
	})
	var done atomic.Bool
	var beside sync.WaitGroup
	for _, work := range []func(*testing.T, *projection.State) projection.Moment{readCopies, readPages, readServices, readOne} {
		beside.Go(func() {
			for last := (projection.Moment{}); !t.Failed() && !done.Load(); {
				now := work(t, s)
				if now.Sequence%batchSize != 0 || now.Sequence < last.Sequence || now.Recorded < last.Recorded {
					t.Errorf("after %+v came %+v", last, now)
				}
				last = now
			}
		})
	}
	beside.Go(func() {
		for !done.Load() {
			c := s.Checkpoint()
			rows := c.Rows()
			if len(rows)%2 == 0 {
				s.NotSaved(c)
				continue
			}
			mu.Lock()
			b.commit(t, c)
			mu.Unlock()
			s.Saved(c)
		}
	})
	for batch := range ordinary() {
		if err := s.Apply(batch); err != nil {
			t.Error(err)
			break
		}
		s.Observe([]projection.Sample{reads(batch[0].Session, 0, batch[0].Sequence, batch[0].Recorded)}, 1)
	}
	done.Store(true)
	beside.Wait()
	saved(t, s, b)
	want := s.Moment()
	want.Observations = 0 // they are in memory only
	equal(t, "the loaded state", b.load(t).Moment(), want)
}

func readCopies(t *testing.T, s *projection.State) projection.Moment {
	c, err := s.Copy(projection.Selection{Live: true, Closed: true, Lost: true}, func() error { return nil })
	if err != nil {
		t.Error(err)
	}
	before := uint64(0)
	for _, v := range c.Living {
		if v.ID <= before || v.Version > c.Sequence || v.Status != projection.Live {
			t.Errorf("session %d of version %d and status %s follows %d in a copy of %d", v.ID, v.Version, v.Status, before, c.Sequence)
		}
		before = v.ID
		checkView(t, &v, c.Sequence)
	}
	for _, ended := range endedOf(t, c, projection.EndedWalk{}) {
		v := projection.View{Session: ended}
		if v.Version > c.Sequence || v.Status == projection.Live {
			t.Errorf("session %d of version %d and status %s is copied among the ended", v.ID, v.Version, v.Status)
		}
		checkView(t, &v, c.Sequence)
	}
	if len(c.Living) != c.Live {
		t.Errorf("%d live sessions are copied of %d", len(c.Living), c.Live)
	}
	return c.Moment
}

func readPages(t *testing.T, s *projection.State) projection.Moment {
	c, err := s.Copy(projection.Selection{Live: true, Skip: 10, Limit: 100}, func() error { return nil })
	if err != nil || len(c.Living) != min(100, max(0, c.Live-10)) {
		t.Errorf("%d of %d live sessions are copied, error %v", len(c.Living), c.Live, err)
	}
	return c.Moment
}

func readServices(t *testing.T, s *projection.State) projection.Moment {
	services, now := s.Services()
	var current, total uint64
	for _, v := range services {
		current += v.Current
		total += v.Total
		if v.Version > now.Sequence {
			t.Errorf("service %s of version %d at %d", v.Name, v.Version, now.Sequence)
		}
	}
	if current != uint64(now.Live) || total != uint64(now.Live)+now.Closed+now.Lost {
		t.Errorf("the services have %d of %d sessions at %+v", current, total, now)
	}
	return now
}

func readOne(t *testing.T, s *projection.State) projection.Moment {
	v, now, err := s.Session(s.LastID(), func() error { return nil })
	if err != nil {
		t.Error(err)
	}
	if v.Session != nil {
		checkView(t, &v, now.Sequence)
	}
	return now
}

// checkView reads everything that a view leads to.
func checkView(t *testing.T, v *projection.View, sequence uint64) {
	last, n := uint64(0), 0
	for last = range v.Trail() {
		n++
	}
	if last != v.Version || n == 0 || v.Version > sequence {
		t.Errorf("session %d of version %d has %d records up to %d, at %d", v.ID, v.Version, n, last, sequence)
	}
	if v.Observed != nil && (v.Status != projection.Live || v.Observed.Count == 0) {
		t.Errorf("session %d is %s and observed: %+v", v.ID, v.Status, v.Observed)
	}
	if _, active := v.Current(0); active < v.Active {
		t.Errorf("session %d was active at %d, its newest counters are of %d", v.ID, v.Active, active)
	}
}
