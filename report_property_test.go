package gatebook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// proxy is a source outside that reports at random, and what it knows of itself: the
// plain model that the registry has to agree with.
type proxy struct {
	t      *rapid.T
	folder string
	now    time.Time
	r      *gatebook.Registry

	clock       int64 // of the source: every event has a time of its own
	run         int   // the incarnation
	number      uint64
	numbered    bool // whether this incarnation numbers its reports
	silentSince time.Time
	sent        []func() gatebook.Report // of this incarnation, accepted
	past        []func() gatebook.Report // of former ones
	sessions    []*modelled              // by id - 1
	began       bool                     // the incarnation is known to the registry
}

// modelled is a session as its source knows it.
type modelled struct {
	key    string
	run    int
	status projection.Status
	user   string
	reads  uint64
	server string // of connection 1, "" while it is not open
}

func (p *proxy) open() {
	r, err := gatebook.Open(context.Background(), p.folder, gatebook.Options{
		Now: func() time.Time { return p.now }, Report: func(err error) { p.t.Error(err) },
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.r, p.silentSince = r, p.now
}

func (p *proxy) close() {
	if err := p.r.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// live are the sessions of the incarnation that go on, by the source's knowledge.
func (p *proxy) live() []*modelled {
	return slices.DeleteFunc(slices.Clone(p.sessions), func(s *modelled) bool { return s.run != p.run || s.status == projection.Closed })
}

// compose draws a report of things that happen, and what they do to the model.
func (p *proxy) compose() (report func() gatebook.Report, apply func()) {
	var make []func() gatebook.Reported
	var effects []func()
	add := func(key string, e func() events.Event, effect func()) {
		p.clock++
		occurred := events.Time(p.clock * 1e6).Time()
		make = append(make, func() gatebook.Reported { return gatebook.Reported{Key: key, Occurred: occurred, Event: e()} })
		effects = append(effects, effect)
	}
	fresh, closed := 0, map[*modelled]bool{}
	for range rapid.IntRange(0, 6).Draw(p.t, "events") {
		live := slices.DeleteFunc(p.live(), func(s *modelled) bool { return closed[s] })
		if len(live) == 0 || rapid.IntRange(0, 3).Draw(p.t, "open") == 0 {
			fresh++
			s := &modelled{key: "c-" + strconv.Itoa(len(p.sessions)+fresh), run: p.run}
			add(s.key, func() events.Event { return &events.SessionOpened{Service: "orders"} }, func() { p.sessions = append(p.sessions, s) })
			continue
		}
		s := rapid.SampledFrom(live).Draw(p.t, "session")
		switch rapid.SampledFrom([]string{"ready", "connect", "count", "close"}).Draw(p.t, "what") {
		case "ready":
			user := rapid.SampledFrom([]string{"ann", "bob"}).Draw(p.t, "user")
			add(s.key, func() events.Event { return &events.SessionReady{User: user} }, func() { s.user = user })
		case "connect":
			add(s.key, func() events.Event { return &events.ConnectionOpened{Connection: 1, Server: "db-1"} }, func() { s.server = "db-1" })
		case "count":
			reads := rapid.Uint64Range(1, 9).Draw(p.t, "reads")
			add(s.key, func() events.Event {
				return &events.StatisticsRecorded{Final: events.Final{Counters: events.Counters{Reads: reads}}}
			}, func() { s.reads = reads })
		case "close":
			closed[s] = true
			add(s.key, func() events.Event { return &events.SessionClosed{Reason: events.ReasonClientClosed} }, func() { s.status = projection.Closed })
		}
	}
	run, number := strconv.Itoa(p.run), uint64(0)
	if p.numbered {
		p.number++
		number = p.number
	}
	report = func() gatebook.Report {
		r := gatebook.Report{Source: "edge-1", Incarnation: run, Number: number, Events: []gatebook.Reported{}}
		for _, e := range make {
			r.Events = append(r.Events, e())
		}
		return r
	}
	return report, func() {
		for _, effect := range effects {
			effect()
		}
	}
}

// heard is what any report of the incarnation does to the model.
func (p *proxy) heard() {
	p.silentSince = p.now
	for _, s := range p.sessions {
		switch {
		case s.status == projection.Closed:
		case s.run == p.run:
			s.status = projection.Live
		default:
			s.status = projection.Lost
		}
	}
}

func (p *proxy) send(report gatebook.Report) {
	reception, err := p.r.Report(context.Background(), report)
	if err != nil || reception.Accepted != len(report.Events) {
		p.t.Fatalf("%+v: got %+v, error %v", report, reception, err)
	}
	p.heard()
}

func (p *proxy) step() {
	switch rapid.SampledFrom([]string{"report", "report", "report", "report", "again", "again", "wrong", "wait", "save", "restart", "run", "late"}).Draw(p.t, "step") {
	case "report":
		report, apply := p.compose()
		p.send(report())
		p.began = true
		apply()
		p.sent = append(p.sent, report)
		head := p.r.Moment().Sequence
		for range rapid.IntRange(0, 2).Draw(p.t, "the answer is lost") {
			p.send(report())
		}
		if now := p.r.Moment().Sequence; now != head {
			p.t.Fatalf("sending it again added %d records", now-head)
		}
	case "again":
		if len(p.sent) > 0 {
			p.again()
		}
	case "wrong":
		p.wrong()
	case "wait":
		p.now = p.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(p.t, "seconds")) * time.Second)
		p.r.EndLeases()
		if p.now.Sub(p.silentSince) >= 30*time.Second {
			for _, s := range p.sessions {
				if s.status == projection.Live {
					s.status = projection.Lost
				}
			}
		}
	case "save":
		if err := p.r.Save(); err != nil {
			p.t.Fatal(err)
		}
	case "restart":
		p.close()
		p.open()
	case "run":
		p.past = append(p.past, p.sent...)
		if !p.began {
			return
		}
		p.run++
		p.sent, p.number, p.began = nil, 0, false
		p.numbered = rapid.Bool().Draw(p.t, "numbered")
	case "late":
		if len(p.past) > 0 {
			var refused *gatebook.ReportError
			report := rapid.SampledFrom(p.past).Draw(p.t, "a report of a former run")()
			if _, err := p.r.Report(context.Background(), report); p.began && !errors.As(err, &refused) {
				p.t.Fatalf("a run that is over is back: %v", err)
			} else if !p.began {
				p.heardFormer(err)
			}
		}
	}
}

// heardFormer: until the new run reports, the last one may still be heard of.
func (p *proxy) heardFormer(err error) {
	if err != nil {
		return
	}
	p.silentSince = p.now
	for _, s := range p.sessions {
		if s.run == p.run-1 && s.status == projection.Lost {
			s.status = projection.Live
		}
	}
}

// again sends a report that was accepted before: nothing happens but that the source
// is heard of.
func (p *proxy) again() {
	before, _, _ := p.r.Source("edge-1")
	head := p.r.Moment().Sequence
	p.send(rapid.SampledFrom(p.sent).Draw(p.t, "a report again")())
	recent := before.State == projection.SourceRunning && p.now.Sub(before.LastSeen.Time()) < time.Minute
	if now := p.r.Moment().Sequence; recent && now != head {
		p.t.Fatalf("a report that was sent again added %d records", now-head)
	}
}

// wrong sends a report whose last event does not fit.
func (p *proxy) wrong() {
	number := p.number
	report, _ := p.compose()
	p.number = number
	r := report()
	r.Events = append(r.Events, gatebook.Reported{Key: "nobody", Event: &events.SessionReady{}})
	head := p.r.Moment().Sequence
	var refused *gatebook.ReportError
	if _, err := p.r.Report(context.Background(), r); !errors.As(err, &refused) || refused.Index != len(r.Events)-1 {
		p.t.Fatalf("got %v", err)
	}
	if now := p.r.Moment().Sequence; now != head {
		p.t.Fatalf("a report that was refused added %d records", now-head)
	}
	if p.began {
		p.silentSince = p.now // its source is alive all the same
	}
}

// compare holds the registry against the model.
func (p *proxy) compare() {
	if m := p.r.Moment(); uint64(m.Live)+m.Closed+m.Lost != uint64(len(p.sessions)) {
		p.t.Fatalf("there are %d, %d and %d sessions, want %d", m.Live, m.Closed, m.Lost, len(p.sessions))
	}
	for i, want := range p.sessions {
		v, _, err := p.r.Session(uint64(i + 1))
		if err != nil {
			p.t.Fatal(i+1, err)
		}
		server := ""
		if len(v.Connections) == 1 {
			server = v.Connections[0].Server()
		}
		got := modelled{v.Key(), want.run, v.Status, v.Login().User, v.Counters().Reads, server}
		if got != *want || v.Origin().Incarnation != fmt.Sprint(want.run) {
			p.t.Fatalf("session %d is %+v, want %+v", v.ID, got, *want)
		}
	}
}

// Whatever a source reports, however often, however it and the registry come and go:
// what is in the book is what the source told, once.
func TestBookIsWhatWasReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp("", "gatebook")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		p := &proxy{t: t, folder: filepath.Join(folder, "data"), now: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC), clock: 1_700_000_000, run: 1}
		p.numbered = rapid.Bool().Draw(t, "numbered")
		p.open()
		defer p.close()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			p.step()
			p.compare()
		}
	})
}
