package projection_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// life is a state that goes through a history, with checkpoints that are saved or fail,
// and with restarts.
type life struct {
	history
	state   *projection.State
	archive *fakeArchive
	flight  *projection.Checkpoint // collected, and neither saved nor failed yet
	// position and tables are the content of the archive when flight is written.
	position uint64
	tables   map[string][]*session
	held     []held
}

// held is a view that a reader keeps, with its content when the reader got it.
type held struct {
	view     projection.View
	image    []byte
	observed projection.Observation
}

// TestStateEqualsModel compares every reader with the model: after any step, during a
// checkpoint, after one that failed, and after a restart from the archive and the tail
// of the log.
func TestStateEqualsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &life{history: history{t: t}, archive: newFakeArchive()}
		l.state = projection.New(l.archive.archive)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			l.step()
			check(t, l.state, l.archive, &l.model)
		}
		l.restart(pick(t, "the last checkpoint", "lost", "written"))
		check(t, l.state, l.archive, &l.model)
		for _, h := range l.held {
			if now := hold(h.view); !reflect.DeepEqual(now, h) {
				t.Fatalf("session %d changed in the hands of a reader:\n got %+v\nwant %+v", h.view.ID, now, h)
			}
		}
	})
}

func (l *life) step() {
	switch step := pick(l.t, "step", "apply", "apply", "apply", "observe", "collect", "collect", "saved", "not saved", "not saved, it seemed", "restart", "defer the index", "index"); step {
	case "apply":
		from := len(l.records)
		l.extend(rapid.IntRange(1, 9).Draw(l.t, "records"))
		l.apply(l.records[from:])
		l.hold()
	case "observe":
		final := l.final(rapid.Uint32Range(0, 2).Draw(l.t, "connection"))
		id := rapid.Uint64Range(1, l.lastID+1).Draw(l.t, "observed session")
		l.state.Observe([]projection.Sample{{Session: id, Connection: final.Connection, Counters: final.Counters, Active: final.Active}}, 1)
	case "collect":
		l.collect()
	case "saved":
		if l.flight != nil {
			l.write()
			l.state.Saved(l.flight)
			l.checkGone()
			l.flight = nil
		}
	case "not saved", "not saved, it seemed":
		if l.flight != nil {
			if step != "not saved" {
				l.write()
			}
			l.state.NotSaved(l.flight)
			l.flight = nil
		}
	case "defer the index":
		l.state.DeferIndex()
	case "index":
		l.state.IndexLive()
	case "restart":
		l.restart(pick(l.t, "the checkpoint under way", "lost", "written"))
	}
}

// apply applies records in batches of any size.
func (l *life) apply(records []events.Record) {
	for len(records) > 0 {
		n := rapid.IntRange(1, len(records)).Draw(l.t, "batch")
		if err := l.state.Apply(records[:n]); err != nil {
			l.t.Fatal(err)
		}
		records = records[n:]
	}
}

// hold has a reader keep its views.
func (l *life) hold() {
	c, err := l.state.Copy(projection.Selection{Live: true, Closed: true, Lost: true}, func() error { return nil })
	if err != nil {
		l.t.Fatal(err)
	}
	for _, v := range c.Living {
		l.held = append(l.held, hold(v))
	}
}

func hold(v projection.View) held {
	h := held{view: v, image: v.AppendTo(nil)}
	if v.Observed != nil {
		h.observed = projection.Observation{Count: v.Observed.Count, Finals: slices.Clone(v.Observed.Finals)}
	}
	return h
}

func (l *life) collect() {
	if l.flight != nil {
		return
	}
	l.flight = l.state.Checkpoint()
	l.position = l.model.sequence
	l.tables = make(map[string][]*session)
	for table, status := range map[string]projection.Status{
		projection.TableLive: projection.Live, projection.TableClosed: projection.Closed, projection.TableLost: projection.Lost,
	} {
		for _, v := range l.model.of(status) {
			v := *v // a copy of its present value
			v.Connections = append([]connection(nil), v.Connections...)
			l.tables[table] = append(l.tables[table], &v)
		}
	}
}

// write writes the collected checkpoint, and checks that the archive then has every
// session once, in the table of its status, as it was.
func (l *life) write() {
	l.archive.commit(l.t, l.flight)
	equal(l.t, "position", l.archive.position, l.position)
	for _, table := range []string{projection.TableLive, projection.TableClosed, projection.TableLost} {
		var got []*session
		for _, v := range l.archive.sessions(l.t, table) {
			got = append(got, seen(v))
		}
		equal(l.t, "table "+table, got, l.tables[table])
	}
}

// checkGone checks that the ended sessions that were saved have left memory.
func (l *life) checkGone() {
	for _, v := range l.model.of(projection.Closed, projection.Lost) {
		if inMemory := l.state.Lookup(v.ID) != nil; inMemory != (v.Version > l.position) {
			l.t.Fatalf("session %d of version %d is in memory: %v; saved up to %d", v.ID, v.Version, inMemory, l.position)
		}
	}
}

// restart loads a state from the archive, which has the collected checkpoint or not,
// and applies the tail.
func (l *life) restart(fate string) {
	if l.flight != nil && fate == "written" {
		l.write()
	}
	l.flight = nil
	l.state = l.archive.load(l.t)
	l.apply(l.records[l.archive.position:])
}
