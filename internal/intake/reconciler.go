package intake

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// reconciler decides what of a report is recorded. It may decide several times; the last
// decision holds.
type reconciler struct {
	intake *Intake
	report *Report
	// ids are those of the new sessions, by key. Each is given once, however often the
	// report is decided.
	ids map[string]uint64

	// repeated: a report of this number is recorded. strict: events that are recorded are not
	// recorded again.
	repeated, strict bool
	sessions         map[string]*reportedSession
	entries          []storage.Entry
	// about has the session of each entry, nil for none.
	about    []*reportedSession
	observed []observed
}

// observed is a sample of a session that may not have an id yet.
type observed struct {
	about *reportedSession
	final events.Final
}

// reportedSession is a session that the report names.
type reportedSession struct {
	key   string
	id    uint64 // 0 while it has none
	draft lifecycle.Draft
	trail *query.Trail
	// pending are the events of this report that are to be recorded. pendingContent has
	// the content of each, recorded that of the session's records, once they are read.
	pending                  []reportedEvent
	pendingContent, recorded map[string]struct{}
	erased                   uint64 // the kinds of records whose personal part was erased
}

// reportedEvent is an event of a report, and the time it occurred.
type reportedEvent struct {
	event    events.Event
	occurred events.Time
}

// decide makes the entries of the report: a [journal.Decide].
func (d *reconciler) decide() ([]storage.Entry, error) {
	source, _ := d.intake.State.Source(d.report.Source)
	if source != nil && source.Incarnation != d.report.Incarnation {
		source = nil
	}
	d.repeated = source != nil && d.report.Number != 0 && d.report.Number <= source.Number
	d.strict = d.report.Number == 0 || d.repeated
	d.sessions, d.entries, d.about, d.observed = make(map[string]*reportedSession), nil, nil, nil
	for i := range d.report.Events {
		if err := d.take(&d.report.Events[i]); err != nil {
			return nil, d.at(i, err)
		}
	}
	if err := d.giveIDs(); err != nil {
		return nil, err
	}
	list := slices.Concat(d.begin(source), d.entries)
	return append(list, d.sign(source, len(list))...), nil
}

// at returns the error of the i-th event, with its place in the report.
func (d *reconciler) at(i int, err error) error {
	e := &d.report.Events[i]
	misfit := &Error{Index: i, Kind: e.kind(), Key: e.Key}
	if unfit, ok := errors.AsType[*lifecycle.UnfitError](err); ok {
		misfit.Why = unfit.Why
		return misfit
	}
	if refused, ok := errors.AsType[*misfitError](err); ok {
		misfit.Why = refused.why
		return misfit
	}
	return err
}

// misfitError reports why an event does not fit.
type misfitError struct{ why string }

func (e *misfitError) Error() string { return e.why }

func misfit(format string, args ...any) error { return &misfitError{fmt.Sprintf(format, args...)} }

// begin returns the entries before those of the events: what is new about the source.
func (d *reconciler) begin(source *projection.Source) []storage.Entry {
	e := &events.SourceStarted{
		Source: d.report.Source, Incarnation: d.report.Incarnation, Account: d.report.foreignAccount(),
		Version: d.report.Version, Host: d.report.Host, Lease: int64(d.report.Lease / time.Microsecond),
	}
	if source != nil {
		e.Source = source.Name
		e.Version, e.Host, e.Lease = cmp.Or(e.Version, source.Version), cmp.Or(e.Host, source.Host), cmp.Or(e.Lease, source.Lease)
		if e.Version == source.Version && e.Host == source.Host && e.Lease == source.Lease && e.Account == source.Account || d.repeated {
			return nil
		}
	} else if before, _ := d.intake.State.Source(d.report.Source); before != nil {
		e.Source = before.Name
		e.Lease = cmp.Or(e.Lease, before.Lease)
	}
	e.Lease = cmp.Or(e.Lease, int64(firstLease/time.Microsecond))
	return []storage.Entry{journal.Entry(0, e)}
}

// sign returns the entry after those of the events: that the report is recorded, or that
// the source is alive.
func (d *reconciler) sign(source *projection.Source, recorded int) []storage.Entry {
	e := &events.SourceSeen{Source: d.report.Source, Incarnation: d.report.Incarnation}
	switch {
	case d.report.Number != 0 && !d.repeated && recorded > 0:
		e.Number = d.report.Number
	case source == nil:
		return nil // it has just begun
	case source.State != projection.SourceRunning:
	case d.intake.Now().Sub(source.LastSeen.Time()) >= d.intake.Heartbeat && d.intake.State.HasLiveWithSourceKey(source.Name, source.Incarnation):
	default:
		return nil
	}
	return []storage.Entry{journal.Entry(0, e)}
}

// giveIDs numbers the new sessions, in the order in which they were opened. Errors: [journal.ErrNoIDs].
func (d *reconciler) giveIDs() (err error) {
	for i, of := range d.about {
		if of == nil {
			continue
		}
		if of.id == 0 {
			if of.id = d.ids[of.key]; of.id == 0 {
				if of.id, err = d.intake.Journal.NextID(); err != nil {
					return err
				}
				if d.ids == nil {
					d.ids = make(map[string]uint64)
				}
				d.ids[of.key] = of.id
			}
		}
		d.entries[i].Record.Session = of.id
	}
	return nil
}

// idsByKey returns the ids of the sessions that the report names, by the keys as given.
func (d *reconciler) idsByKey() map[string]uint64 {
	all := make(map[string]uint64, len(d.sessions))
	for i := range d.report.Events {
		e := &d.report.Events[i]
		if e.Key != "" {
			all[cmp.Or(e.given, e.Key)] = d.sessions[e.Key].id
		}
	}
	return all
}

// samples returns the counters to show.
func (d *reconciler) samples() []projection.Sample {
	all := make([]projection.Sample, len(d.observed))
	for i, o := range d.observed {
		all[i] = projection.Sample{Session: o.about.id, Connection: o.final.Connection, Counters: o.final.Counters, Active: o.final.Active}
	}
	return all
}

func (d *reconciler) put(of *reportedSession, e events.Event, occurred events.Time) {
	next := storage.Entry{Record: events.Record{Event: e, Occurred: occurred}}
	d.entries, d.about = append(d.entries, next), append(d.about, of)
	if of != nil {
		of.pending = append(of.pending, reportedEvent{e, occurred})
		if d.strict {
			of.pendingContent[string(content(e, occurred))] = struct{}{}
		}
	}
}

// take decides about one event.
func (d *reconciler) take(e *Event) error {
	switch event := e.Event.(type) {
	case *events.ServiceDeclared:
		return d.declareService(*event, e.Occurred)
	case *events.ServerDeclared:
		return d.declareServer(*event, e.Occurred)
	}
	s, err := d.session(e.Key)
	if err != nil {
		return err
	}
	opening := e.Event.Kind() == events.KindSessionOpened
	if s.draft.Phase == lifecycle.Absent && (d.repeated || !opening) {
		if d.repeated {
			return d.missing()
		}
		return misfit("no session has this key: session_opened comes first")
	}
	if statistics, ok := e.Event.(*events.StatisticsRecorded); ok {
		return d.takeStatistics(s, statistics, e)
	}
	event := d.markBy(s, e.Event)
	if s.draft.Session != nil {
		event = lifecycle.FillKilledBy(s.draft.Session, event)
	}
	if d.strict && s.draft.Phase != lifecycle.Absent {
		found, err := s.has(event, e.Occurred)
		if err != nil || found {
			return err
		}
		if d.repeated {
			return d.missing()
		}
	}
	if opening && s.draft.Phase != lifecycle.Absent {
		return misfit("%s has this key%s; a key is used once in an incarnation, a new session needs a new one", s.name(), d.otherwise())
	}
	return d.record(s, event, e.Occurred)
}

// markBy returns the end of a session with its source before the name that the source gives
// for who ended it, as in "edge-1: ann": a source can give any account's. The name is as it
// is where the book has it as the one that requested the end.
func (d *reconciler) markBy(s *reportedSession, e events.Event) events.Event {
	closed, ok := e.(*events.SessionClosed)
	if !ok || closed.By == "" {
		return e
	}
	if v := s.draft.Session; v != nil && v.Kill().By == closed.By {
		return e
	}
	marked := *closed
	marked.By = wire.CleanText(d.report.Source+": "+closed.By, wire.TextLimit)
	return &marked
}

// otherwise returns, for the error about a key that is used again, why the event is known
// to be of another session. A new number is enough, whatever the event is.
func (d *reconciler) otherwise() string {
	if d.strict {
		return ", and was opened otherwise"
	}
	return " already"
}

// record adds an event to the list, if it fits. A lost session is recovered first, unless
// the event is its end.
func (d *reconciler) record(s *reportedSession, e events.Event, occurred events.Time) error {
	_, closes := e.(*events.SessionClosed)
	if s.draft.Phase == lifecycle.Lost && !closes {
		back := &events.SessionRecovered{Incarnation: d.report.Incarnation}
		if err := s.draft.Take(back); err != nil {
			return err
		}
		d.put(s, back, 0)
	}
	if err := s.draft.Take(e); err != nil {
		return err
	}
	d.put(s, e, occurred)
	return nil
}

// missing returns the refusal of a number that was used for something else.
func (d *reconciler) missing() error {
	return misfit("number %d was recorded before, or a later one, and without this event: numbers rise, and each is used once", d.report.Number)
}

func (s *reportedSession) name() string {
	if s.id == 0 {
		return "a session of this report"
	}
	return fmt.Sprintf("session %d", s.id)
}

// session returns the session of a key; an absent one when there is none.
func (d *reconciler) session(key string) (*reportedSession, error) {
	if s := d.sessions[key]; s != nil {
		return s, nil
	}
	id, err := d.intake.Reader.Keyed(d.report.Source, d.report.Incarnation, key)
	if err != nil {
		return nil, err
	}
	s := &reportedSession{key: key, id: id, trail: d.intake.Reader.Trail(nil), pendingContent: make(map[string]struct{})}
	if id != 0 {
		v, err := d.intake.Reader.Lookup(id)
		if err != nil {
			return nil, err
		}
		s.draft = lifecycle.NewDraft(v)
		s.trail = d.intake.Reader.Trail(v)
	}
	d.sessions[key] = s
	return s, nil
}
