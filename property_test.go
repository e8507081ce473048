package gatebook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/projection"
	"gatebook/storage"
)

// dump is everything a reader can see of a registry, in a form to compare.
func dump(r *Registry) (string, error) {
	var b bytes.Buffer
	l, err := r.Sessions(Query{Live: true, Closed: true, Lost: true})
	if err != nil {
		return "", err
	}
	l.Observations, l.Over = 0, 0 // they are in memory only
	fmt.Fprintf(&b, "%+v total %d\n", l.Moment, l.Total)
	n := uint64(0)
	for v, err := range l.All() {
		if err != nil {
			return "", err
		}
		n++
		fmt.Fprintf(&b, "session %d %v %x\n", v.ID, v.Status, v.AppendTo(nil))
	}
	if n != l.Total {
		return "", fmt.Errorf("%d sessions are listed where the total is %d", n, l.Total)
	}
	services, _ := r.Services()
	for _, v := range services {
		fmt.Fprintf(&b, "service %+v\n", *v)
	}
	servers, _ := r.Servers()
	for _, v := range servers {
		fmt.Fprintf(&b, "server %+v\n", *v)
	}
	sources, _ := r.Sources()
	for _, v := range sources {
		fmt.Fprintf(&b, "source %+v\n", *v)
	}
	return b.String(), nil
}

// history drives a registry with random operations, valid or not.
type history struct {
	t       *rapid.T
	folder  string
	disk    *storage.MemoryDisk
	log     *fullableLog
	now     time.Time
	r       *Registry
	sources []*Source
	ids     []uint64
	reports uint64
}

// fullableLog is a log whose disk can be full.
type fullableLog struct {
	storage.Log
	full atomic.Bool
}

func (l *fullableLog) Append(ctx context.Context, entries []storage.Entry) error {
	if l.full.Load() {
		return storage.ErrDiskFull
	}
	return l.Log.Append(ctx, entries)
}

func (h *history) open() {
	log, err := storage.OpenMemory(h.disk, func() events.Time { return events.TimeOf(h.now) })
	if err != nil {
		h.t.Fatal(err)
	}
	h.log = &fullableLog{Log: log}
	now := h.now // the registry's own goroutines read the clock too
	r, err := Open(context.Background(), h.folder, Options{
		Log: h.log, Now: func() time.Time { return now }, Report: func(err error) { h.t.Error(err) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.r, h.sources = r, nil
}

// halt ends the registry's goroutines: from then on only the test changes anything.
func (h *history) halt() {
	h.r.stop()
	h.r.workers.Wait()
}

// crash leaves everything as it is, as the death of the process would.
func (h *history) crash() {
	h.halt()
	if err := h.r.release(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) step() {
	t, ctx := h.t, context.Background()
	h.now = h.now.Add(time.Duration(rapid.IntRange(-1000, 100_000).Draw(t, "µs")) * time.Microsecond)
	switch rapid.SampledFrom([]string{"source", "open", "open", "record", "record", "record", "record", "end", "kill", "killAll", "schedule", "withdraw", "statistics", "declare", "switch", "report", "full", "save", "stop", "restart", "crash"}).Draw(t, "step") {
	case "source":
		s, err := h.r.StartSource(ctx, SourceOptions{Name: rapid.SampledFrom([]string{"gateway", "edge 1", "caf\u00e9", "cafe\u0301"}).Draw(t, "name")})
		if err == nil {
			h.sources = append(h.sources, s)
		}
		h.refusable(err)
	case "open":
		if s := h.source(); s != nil {
			id, err := s.Open(ctx, events.SessionOpened{
				Service:  rapid.SampledFrom([]string{"orders", "caf\u00e9", "cafe\u0301", "bills"}).Draw(t, "service"),
				Address:  rapid.SampledFrom([]string{"192.0.2.7", "::1", "", "not an address"}).Draw(t, "address"),
				Port:     rapid.Uint16().Draw(t, "port"),
				Key:      rapid.SampledFrom([]string{"", "", "c-1"}).Draw(t, "key"),
				Protocol: "mysql",
			})
			h.refusable(err)
			if err == nil {
				h.ids = append(h.ids, id)
			}
		}
	case "record":
		if s := h.source(); s != nil {
			list := make([]events.Event, rapid.IntRange(1, 3).Draw(t, "events"))
			for i := range list {
				list[i] = h.event()
			}
			h.refusable(s.Record(ctx, h.id(), list...))
		}
	case "end":
		if s := h.source(); s != nil {
			_, err := s.End(ctx, h.id(), events.SessionClosed{Reason: events.ReasonClientClosed})
			h.refusable(err)
		}
	case "killAll":
		now, cancel := context.WithCancel(ctx)
		cancel()
		ids := slices.Compact(slices.Sorted(slices.Values([]uint64{h.id(), h.id(), h.id()})))
		_, err := h.r.KillAll(now, ids, Request{By: "admin"})
		h.refusable(err)
	case "schedule":
		due := h.now.Add(time.Duration(rapid.IntRange(60, 3600).Draw(t, "due")) * time.Second)
		h.refusable(h.r.ScheduleKill(ctx, h.id(), due, Request{By: "admin", Why: "later"}))
	case "withdraw":
		h.refusable(h.r.WithdrawKill(ctx, h.id(), Request{By: "admin"}))
	case "switch":
		h.refusable(h.r.SwitchService(ctx, Switch{Service: "orders", Stopped: rapid.Bool().Draw(t, "stopped")}, Request{By: "admin"}))
	case "report":
		h.report()
	case "full":
		h.log.full.Store(rapid.Bool().Draw(t, "full"))
	case "kill":
		now, cancel := context.WithCancel(ctx)
		cancel() // nobody acts on it: do not wait
		_, err := h.r.Kill(now, h.id(), Request{By: "admin", Why: "why not"})
		h.refusable(err)
	case "statistics":
		if s := h.source(); s != nil {
			h.refusable(s.RecordStatistics(ctx, []Sample{{Session: h.id(), Counters: h.counters()}, {Session: h.id(), Connection: 1, Counters: h.counters()}}))
			s.Observe([]Sample{{Session: h.id(), Counters: h.counters()}})
		}
	case "declare":
		if s := h.source(); s != nil {
			h.refusable(s.DeclareService(ctx, events.ServiceDeclared{Name: "orders", Router: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "router"), Servers: []string{"db-1"}}))
			h.refusable(s.DeclareServer(ctx, events.ServerDeclared{Name: "db-1", Port: rapid.Uint16Range(1, 3).Draw(t, "port")}))
		}
	case "save":
		if err := h.r.checkpoints.save(); err != nil {
			t.Fatal(err)
		}
	case "stop":
		if s := h.source(); s != nil {
			h.refusable(s.Stop(ctx))
		}
	case "restart":
		h.log.full.Store(false)
		if err := h.r.Close(); err != nil {
			t.Fatal(err)
		}
		h.open()
	case "crash":
		h.crash()
		h.open()
	}
}

// report reports events of a source outside, numbered or not.
func (h *history) report() {
	t := h.t
	p := Report{
		Source:      rapid.SampledFrom([]string{"outside", "edge 2"}).Draw(t, "reporter"),
		Incarnation: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "incarnation"), Lease: time.Hour,
	}
	if rapid.Bool().Draw(t, "numbered") {
		h.reports++
		p.Number = h.reports
	}
	for range rapid.IntRange(0, 3).Draw(t, "reported") {
		e := Reported{Key: rapid.SampledFrom([]string{"k-1", "k-2", "k-3"}).Draw(t, "key"), Occurred: h.now, Event: h.event()}
		if rapid.Bool().Draw(t, "opens") {
			e.Event = &events.SessionOpened{Service: "orders", Address: "192.0.2.8"}
		}
		p.Events = append(p.Events, e)
	}
	result, err := h.r.Report(context.Background(), p)
	var unfit *ReportError
	if !errors.As(err, &unfit) {
		h.refusable(err)
	}
	for _, id := range result.Sessions {
		h.ids = append(h.ids, id)
	}
}

func (h *history) source() *Source {
	if len(h.sources) == 0 {
		return nil
	}
	return rapid.SampledFrom(h.sources).Draw(h.t, "source")
}

func (h *history) id() uint64 {
	if len(h.ids) == 0 {
		return 99
	}
	return rapid.SampledFrom(h.ids[max(0, len(h.ids)-6):]).Draw(h.t, "id")
}

func (h *history) counters() events.Counters {
	return events.Counters{
		Reads: rapid.Uint64Range(0, 3).Draw(h.t, "reads"), BytesRead: rapid.Uint64().Draw(h.t, "bytes"),
		BufferedWrites: rapid.Uint64Range(0, 1).Draw(h.t, "buffered"),
	}
}

func (h *history) event() events.Event {
	number := rapid.Uint32Range(0, 2).Draw(h.t, "connection")
	final := events.Final{Connection: number, Counters: h.counters(), Active: events.TimeOf(h.now)}
	reason := events.Reason(rapid.IntRange(1, 14).Draw(h.t, "reason"))
	switch rapid.IntRange(0, 8).Draw(h.t, "event") {
	case 0:
		return &events.SessionReady{User: rapid.SampledFrom([]string{"jdoe", "ann"}).Draw(h.t, "user"), Database: "shop"}
	case 1, 2:
		return &events.ConnectionOpened{Connection: number, Server: rapid.SampledFrom([]string{"db-1", "db-2"}).Draw(h.t, "server"), ServerID: rapid.Uint64Range(0, 9).Draw(h.t, "server id")}
	case 3:
		return &events.ConnectionFailed{Connection: number, Server: "db-2", Cause: "connection refused"}
	case 4:
		return &events.ConnectionClosed{Reason: reason, Final: final}
	case 5:
		return &events.StatisticsRecorded{Final: final}
	case 6:
		return &events.SessionClosed{Reason: reason, Finals: []events.Final{final}, User: "tried"}
	case 7:
		return &events.SessionLost{Cause: reason, LastSeen: events.TimeOf(h.now)}
	}
	return &events.SessionRecovered{Incarnation: "4711"}
}

// refusable accepts the errors that an operation that does not fit may have.
func (h *history) refusable(err error) {
	var refused *RefusedError
	var ended *EndedError
	if err == nil || errors.As(err, &refused) || errors.As(err, &ended) ||
		errors.Is(err, ErrNotFound) || errors.Is(err, ErrSourceStopped) || errors.Is(err, ErrInvalid) ||
		errors.Is(err, ErrDiskFull) && h.log.full.Load() {
		return
	}
	h.t.Fatal(err)
}

// What is rebuilt from the log, from nothing or from any checkpoint, is what was
// there when the log was written.
func TestRebuiltIsWhatWasLive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp("", "gatebook")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		h := &history{t: t, folder: filepath.Join(folder, "data"), disk: storage.NewMemoryDisk(), now: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)}
		h.open()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			h.step()
		}
		h.halt()
		lived, err := dump(h.r)
		if err != nil {
			t.Fatal(err)
		}
		h.crash()
		if fromBook := refold(t, h); fromBook != lived {
			t.Errorf("from the book and the tail:\n%s\nlived:\n%s", fromBook, lived)
		}
		if err := os.Remove(filepath.Join(h.folder, "book.db")); err != nil {
			t.Fatal(err)
		}
		if fromLog := refold(t, h); fromLog != lived {
			t.Errorf("from the log alone:\n%s\nlived:\n%s", fromLog, lived)
		}
	})
}

// refold brings a registry up to the log's head without settling anything.
func refold(t *rapid.T, h *history) string {
	log, err := storage.OpenMemory(h.disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := storage.LockFolder(h.folder)
	if err != nil {
		t.Fatal(err)
	}
	r := newRegistry(locked, Options{Log: log, Now: time.Now})
	defer func() {
		if err := r.release(); err != nil {
			t.Fatal(err)
		}
	}()
	if err := r.fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := dump(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The image of a session is read back as it was.
func TestSessionImage(t *testing.T) {
	s := projection.New(nil)
	err := s.Apply([]events.Record{
		{Sequence: 1, Recorded: 5, Session: 9, Event: &events.SessionOpened{Service: "a", Key: "k", Address: "::ffff:192.0.2.1", TLS: "TLS 1.3"}},
		{Sequence: 2, Recorded: 6, Session: 9, Event: &events.SessionClosed{Reason: events.ReasonKilled, By: "ann", Description: "why"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	view, _, err := s.Session(9, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	again, err := projection.DecodeSession(view.AppendTo(nil), &wire.Strings{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Address() != "192.0.2.1" || again.Key() != "k" || again.Ending() != view.Ending() || !bytes.Equal(again.AppendTo(nil), view.AppendTo(nil)) {
		t.Errorf("read back %+v", again)
	}
}
