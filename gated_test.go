package gatebook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// gatedLog holds the first append that has an event of some kind, once it is armed:
// before it is committed, or after.
type gatedLog struct {
	storage.Log
	mu      sync.Mutex // guards the fields below
	kind    events.Kind
	after   bool
	reached chan struct{}
	opened  chan struct{}
}

func (l *gatedLog) arm(kind events.Kind, after bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kind, l.after = kind, after
	l.reached, l.opened = make(chan struct{}), make(chan struct{})
}

// hits reports whether a list is the one to hold, and disarms the gate.
func (l *gatedLog) hits(entries []storage.Entry) (held, after bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held = l.kind != 0 && slices.ContainsFunc(entries, func(e storage.Entry) bool { return e.Record.Event.Kind() == l.kind })
	if held {
		l.kind = 0
	}
	return held, l.after
}

func (l *gatedLog) Append(ctx context.Context, entries []storage.Entry) error {
	held, after := l.hits(entries)
	if held && !after {
		close(l.reached)
		<-l.opened
	}
	err := l.Log.Append(ctx, entries)
	if held && after {
		close(l.reached)
		<-l.opened
	}
	return err
}

// scene is a registry with a source of this process and one outside, each with a live
// session.
type scene struct {
	t      *testing.T
	folder string
	disk   *storage.MemoryDisk
	log    *gatedLog
	r      *Registry
	source *Source
	id     uint64 // the session of source
	theirs uint64 // that of the one outside
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, folder: filepath.Join(t.TempDir(), "data"), disk: storage.NewMemoryDisk()}
	s.open()
	var err error
	if s.source, err = s.r.StartSource(context.Background(), SourceOptions{Name: "inside"}); err != nil {
		t.Fatal(err)
	}
	if s.id, err = s.source.Open(context.Background(), events.SessionOpened{Service: "orders"}); err != nil {
		t.Fatal(err)
	}
	s.theirs = s.report("k-1").Sessions["k-1"]
	return s
}

func (s *scene) open() {
	log, err := storage.OpenMemory(s.disk, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = &gatedLog{Log: log}
	s.r, err = Open(context.Background(), s.folder, Options{Log: s.log, Report: func(err error) { s.t.Error(err) }})
	if err != nil {
		s.t.Fatalf("the book cannot be opened: %v", err)
	}
}

func (s *scene) report(key string) ReportResult {
	result, err := s.r.Report(context.Background(), Report{
		Source: "outside", Incarnation: "a", Lease: time.Hour,
		Events: []Reported{{Key: key, Event: &events.SessionOpened{Service: "stock"}}},
	})
	s.acceptable(err)
	return result
}

// acceptable fails the test for an error that a call beside a stop may not have.
func (s *scene) acceptable(err error) {
	var ended *EndedError
	if err != nil && !errors.Is(err, ErrSourceStopped) && !errors.Is(err, ErrClosed) && !errors.As(err, &ended) {
		s.t.Errorf("got the error %v", err)
	}
}

// gatedCall is a call that records, and the kind of event by which its append is held.
type gatedCall struct {
	name string
	kind events.Kind
	call func(s *scene) (acknowledged uint64, err error) // the session that was opened, 0 for none
}

func gatedCalls() []gatedCall {
	ctx := context.Background()
	return []gatedCall{
		{"StartSource", events.KindSourceStarted, func(s *scene) (uint64, error) {
			_, err := s.r.StartSource(ctx, SourceOptions{Name: "late"})
			return 0, err
		}},
		{"Open", events.KindSessionOpened, func(s *scene) (uint64, error) {
			return s.source.Open(ctx, events.SessionOpened{Service: "orders"})
		}},
		{"Record", events.KindSessionReady, func(s *scene) (uint64, error) {
			return 0, s.source.Record(ctx, s.id, &events.SessionReady{User: "jdoe"})
		}},
		{"End", events.KindSessionClosed, func(s *scene) (uint64, error) {
			_, err := s.source.End(ctx, s.id, events.SessionClosed{Reason: events.ReasonClientClosed})
			return 0, err
		}},
		{"Declare", events.KindServiceDeclared, func(s *scene) (uint64, error) {
			return 0, s.source.DeclareService(ctx, events.ServiceDeclared{Name: "orders", Router: "leastconn"})
		}},
		{"Kill", events.KindKillRequested, func(s *scene) (uint64, error) {
			_, err := s.r.Kill(ctx, s.id, Request{By: "ann"})
			return 0, err
		}},
		{"KillOutside", events.KindKillRequested, func(s *scene) (uint64, error) {
			_, err := s.r.Kill(ctx, s.theirs, Request{By: "ann"})
			return 0, err
		}},
		{"KillAll", events.KindKillRequested, func(s *scene) (uint64, error) {
			_, err := s.r.KillAll(ctx, []uint64{s.id, s.theirs}, Request{By: "ann"})
			return 0, err
		}},
		{"ScheduleKill", events.KindKillScheduled, func(s *scene) (uint64, error) {
			return 0, s.r.ScheduleKill(ctx, s.id, time.Now().Add(time.Hour), Request{By: "ann"})
		}},
		{"Report", events.KindSessionOpened, func(s *scene) (uint64, error) {
			return s.report("k-2").Sessions["k-2"], nil
		}},
		{"Heartbeat", events.KindSourceSeen, func(s *scene) (uint64, error) {
			s.r.heartbeat(ctx)
			return 0, nil
		}},
	}
}

// TestStopAndCloseBesideEveryCall holds back what a call appends while its source is
// stopped, or the registry closed, and then looks at what is in the book.
func TestStopAndCloseBesideEveryCall(t *testing.T) {
	stops := map[string]func(s *scene) error{
		"Stop":  func(s *scene) error { return s.source.Stop(context.Background()) },
		"Close": func(s *scene) error { return s.r.Close() },
	}
	for _, c := range gatedCalls() {
		for name, stop := range stops {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/committed=%t", c.name, name, after), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newScene(t)
						s.log.arm(c.kind, after)
						called, stopped := make(chan uint64, 1), make(chan error, 1)
						go func() {
							id, err := c.call(s)
							s.acceptable(err)
							called <- id
						}()
						<-s.log.reached
						go func() { stopped <- stop(s) }()
						synctest.Wait() // as far as it comes without the call
						close(s.log.opened)
						s.acceptable(errors.Join(<-stopped, s.r.Close()))
						s.check(<-called)
					})
				})
			}
		}
	}
}

// TestCheckpointBesideStopAndClose writes a checkpoint while the end of a source is
// held back.
func TestCheckpointBesideStopAndClose(t *testing.T) {
	for _, kind := range []events.Kind{events.KindSessionClosed, events.KindSourceStopped} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/committed=%t", kind, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t)
					s.log.arm(kind, after)
					stopped := make(chan error, 1)
					go func() { stopped <- s.r.Close() }()
					<-s.log.reached
					if err := s.r.checkpoints.save(); err != nil {
						t.Error(err)
					}
					close(s.log.opened)
					s.acceptable(<-stopped)
					s.check(0)
				})
			})
		}
	}
}

// check looks at a book that was closed in order: it opens again, from its checkpoint and
// from the log alone, what was acknowledged is there, no source reports after its end,
// and nothing of a source of this process is left open.
func (s *scene) check(acknowledged uint64) {
	s.t.Helper()
	s.sourcesEndOnce()
	var before string
	for i := range 2 {
		s.open()
		if lost := s.r.OpenInfo().Lost; lost != 0 {
			s.t.Errorf("%d sessions were lost by closing in order", lost)
		}
		if acknowledged != 0 {
			if _, _, err := s.r.Session(acknowledged); err != nil {
				s.t.Errorf("the session that was acknowledged: %v", err)
			}
		}
		if v, _, err := s.r.Session(s.id); err != nil || v.Status != projection.Closed {
			s.t.Errorf("the source's session is %v, %v", v.Status, err)
		}
		now, err := dump(s.r)
		if err != nil {
			s.t.Error(err)
		}
		if i > 0 && now != before {
			s.t.Errorf("from the log alone:\n%s\nfrom the book:\n%s", now, before)
		}
		before = now
		s.acceptable(s.r.Close())
		if err := os.Remove(filepath.Join(s.folder, "book.db")); err != nil {
			s.t.Error(err)
		}
	}
}

// sourcesEndOnce reads the log: each incarnation in this process begins and ends once,
// and nothing is recorded of it outside that.
func (s *scene) sourcesEndOnce() {
	s.t.Helper()
	log, err := storage.OpenMemory(s.disk, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	records := make([]events.Record, 100)
	n, err := log.Read(0, records)
	if err != nil {
		s.t.Fatal(err)
	}
	runs := make(map[string]string) // of a source, its state
	of := make(map[uint64]string)   // of a session, its source
	for _, r := range records[:n] {
		source := of[r.Session]
		switch e := r.Event.(type) {
		case *events.SourceStarted:
			if runs[e.Source] != "" && e.Lease == 0 {
				s.t.Errorf("record %d starts %s, which is %s", r.Sequence, e.Source, runs[e.Source])
			}
			runs[e.Source] = "running"
		case *events.SourceStopped:
			if runs[e.Source] != "running" {
				s.t.Errorf("record %d stops %s, which is %q", r.Sequence, e.Source, runs[e.Source])
			}
			runs[e.Source] = "stopped"
		case *events.SourceSeen:
			source = e.Source
		case *events.SessionOpened:
			source = e.Source
			of[r.Session] = source
		}
		if source != "" && runs[source] != "running" {
			s.t.Errorf("record %d, %s, is of source %s, which is %q", r.Sequence, r.Event.Kind(), source, runs[source])
		}
	}
	for source, state := range runs {
		if source != "outside" && state != "stopped" {
			s.t.Errorf("source %s is %s in a book that was closed", source, state)
		}
	}
}
