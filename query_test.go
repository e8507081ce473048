package gatebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/projection"
	"gatebook/storage"
)

// replayed are all sessions as a replay of the log up to a sequence makes them.
func replayed(t *rapid.T, log storage.Log, sequence uint64) []*projection.Session {
	records := make([]events.Record, sequence)
	if n, err := log.Read(0, records); err != nil || n != len(records) {
		t.Fatalf("read %d of %d records: %v", n, len(records), err)
	}
	state := projection.New(nil)
	if err := state.Apply(records); err != nil {
		t.Fatal(err)
	}
	copied, err := state.Copy(projection.Selection{Live: true, Closed: true, Lost: true}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var all []*projection.Session
	for _, v := range copied.Living {
		all = append(all, v.Session)
	}
	err = copied.Ended.Walk(projection.EndedWalk{}, func(v *projection.Session) bool {
		all = append(all, v)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// answer is what a query gives, found by looking at every session.
func answer(q Query, all []*projection.Session) (listed []*projection.Session, total int) {
	q.Live = q.Live || !q.Closed && !q.Lost
	end := func(s *projection.Session) events.Time {
		e := s.Ending()
		switch {
		case s.Status == projection.Live:
			return math.MaxInt64
		case s.Status == projection.Lost && e.LastSeen != 0:
			return e.LastSeen
		}
		return e.Ended
	}
	either := func(wanted []string, values ...string) bool {
		if len(wanted) == 0 {
			return true
		}
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(wanted, v) })
	}
	// The names of these histories need no more to be compared by.
	lower := func(names ...string) []string {
		all := make([]string, len(names))
		for i, name := range names {
			all[i] = strings.ReplaceAll(strings.ToLower(name), " ", "-")
		}
		return all
	}
	f := q.Filter
	for _, s := range all {
		var reached []string
		for _, c := range s.Connections {
			if c.State != projection.Failed {
				reached = append(reached, c.Server())
			}
		}
		inside := len(f.Networks) == 0
		for _, network := range f.Networks {
			if a, err := netip.ParseAddr(s.Address()); err == nil && network.Contains(a) {
				inside = true
			}
		}
		status := q.Live && s.Status == projection.Live || q.Closed && s.Status == projection.Closed || q.Lost && s.Status == projection.Lost
		if status && inside && either(f.Users, s.Login().User) && either(f.Databases, s.Login().Database) && either(f.By, s.Ending().By) &&
			either(lower(f.Services...), lower(s.Origin().Service)...) && either(lower(f.Sources...), lower(s.Origin().Source)...) &&
			either(lower(f.Servers...), lower(reached...)...) &&
			(len(f.Reasons) == 0 || slices.Contains(f.Reasons, s.Ending().Reason)) &&
			(f.Until == 0 || s.Opened <= f.Until) && (f.Since == 0 || max(end(s), s.Modified) >= f.Since) {
			listed = append(listed, s)
		}
	}
	slices.SortFunc(listed, func(a, b *projection.Session) int {
		switch q.Order {
		case ByIDDescending:
			return cmp.Compare(b.ID, a.ID)
		case ByEnd:
			return cmp.Or(cmp.Compare(end(a), end(b)), cmp.Compare(a.ID, b.ID))
		case ByEndDescending:
			return cmp.Or(cmp.Compare(end(b), end(a)), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Compare(a.ID, b.ID)
	})
	total = len(listed)
	if q.After != 0 {
		at := slices.IndexFunc(listed, func(s *projection.Session) bool { return s.ID == q.After })
		listed = listed[at+1:]
	}
	listed = listed[min(q.Skip, len(listed)):]
	if q.Limit > 0 {
		listed = listed[:min(q.Limit, len(listed))]
	}
	return listed, total
}

// drawQuery draws what may be asked of the history. What is listed after is one of
// those that match.
func drawQuery(t *rapid.T, h *history, head uint64) Query {
	some := func(what string, from ...string) []string {
		if rapid.IntRange(0, 3).Draw(t, what+"?") > 0 {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID).Draw(t, what)
	}
	begin := events.TimeOf(time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC))
	moment := func(what string) events.Time {
		if rapid.IntRange(0, 2).Draw(t, what+"?") > 0 {
			return 0
		}
		return begin + events.Time(rapid.Int64Range(0, max(int64(events.TimeOf(h.now)-begin), 1)).Draw(t, what))
	}
	q := Query{
		Live: rapid.Bool().Draw(t, "live"), Closed: rapid.Bool().Draw(t, "closed"), Lost: rapid.Bool().Draw(t, "lost"),
		Filter: projection.Filter{
			Services: some("service", "orders", "ORDERS", "bills", "nobody's"), Servers: some("server", "db-1", "DB 2", "db-9"),
			Sources: some("source", "gateway", "edge 1"), Users: some("user", "jdoe", "ann", "tried", ""), By: some("by", "admin", ""),
			Databases: some("database", "shop", ""),
			Since:     moment("since"), Until: moment("until"),
		},
		Order: Order(rapid.IntRange(0, 3).Draw(t, "order")),
		Skip:  rapid.IntRange(0, 3).Draw(t, "skip"), Limit: rapid.IntRange(0, 4).Draw(t, "limit"),
		Count: rapid.Bool().Draw(t, "count"),
	}
	if rapid.IntRange(0, 4).Draw(t, "reason?") == 0 {
		q.Filter.Reasons = []events.Reason{events.Reason(rapid.IntRange(1, 14).Draw(t, "reason"))}
	}
	for _, network := range some("network", "192.0.2.0/24", "192.0.2.7/32", "0.0.0.0/0", "::/0", "::1/128", "10.0.0.0/8") {
		q.Filter.Networks = append(q.Filter.Networks, netip.MustParsePrefix(network))
	}
	if head > 0 && rapid.Bool().Draw(t, "as of?") {
		q.AsOf = rapid.Uint64Range(1, head).Draw(t, "as of")
	}
	return q
}

// Every query gives what looking at all sessions of a replay gives, whatever of
// them is in memory and whatever in the archive.
func TestListIsWhatLookingAtAllGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp("", "gatebook")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		h := &history{t: t, folder: filepath.Join(folder, "data"), disk: storage.NewMemoryDisk(), now: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)}
		h.open()
		h.r.state.EndedBlock = rapid.IntRange(1, 8).Draw(t, "changes indexed together")
		defer func() {
			h.log.full.Store(false)
			if err := h.r.Close(); err != nil {
				t.Error(err)
			}
		}()
		for range rapid.IntRange(1, 70).Draw(t, "steps") {
			h.step()
		}
		for range 12 {
			h.ask(drawQuery(t, h, h.r.Moment().Sequence))
			h.askCounts(drawQuery(t, h, 0))
		}
		h.askWindow()
	})
}

// askWindow compares a window of one moment with the sessions that were live then: the window
// has all of them, also those whose end was noticed later than it happened.
func (h *history) askWindow() {
	t, head := h.t, h.r.Moment().Sequence
	if head == 0 {
		return
	}
	record := make([]events.Record, 1)
	if _, err := h.r.log.Read(rapid.Uint64Range(0, head-1).Draw(t, "before the moment"), record); err != nil {
		t.Fatal(err)
	}
	moment := record[0].Recorded
	then, err := h.r.SequenceAt(moment.Time())
	if err != nil {
		t.Fatal(err)
	}
	present := h.listed(Query{Live: true, AsOf: then})
	window := h.listed(Query{Live: true, Closed: true, Lost: true, Filter: projection.Filter{Since: moment, Until: moment}})
	for _, id := range present {
		if !slices.Contains(window, id) {
			t.Fatalf("session %d was live at %d (record %d), and the window of that moment has %d alone", id, moment, then, window)
		}
	}
}

// askCounts compares counts by a group with those of the sessions that a list has.
func (h *history) askCounts(q Query) {
	t := h.t
	by := rapid.SampledFrom([]Group{
		GroupUser, GroupService, GroupServer, GroupAddress, GroupNetwork, GroupReason, GroupBy, GroupSource, GroupHour,
	}).Draw(t, "group")
	want := make(map[projection.GroupValue]uint64)
	l, err := h.r.Sessions(Query{Live: q.Live, Closed: q.Closed, Lost: q.Lost, Filter: q.Filter})
	if err != nil {
		t.Fatal(err)
	}
	for v, err := range l.All() {
		if err != nil {
			t.Fatal(err)
		}
		values := by.Values(v.Session)
		if len(values) == 0 {
			values = append(values, projection.GroupValue{})
		}
		for _, value := range values {
			text := value.Text
			if by == GroupService || by == GroupServer || by == GroupSource {
				text = projection.NameKey(text)
			}
			want[projection.GroupValue{Text: text, Hour: value.Hour}]++
		}
	}
	h.r.reader.RowCost = rapid.SampledFrom([]uint64{0, 1 << 10, 1 << 40}).Draw(t, "cost of a row")
	limit := rapid.IntRange(0, 3).Draw(t, "groups listed")
	counts, err := h.r.Counts(t.Context(), q, by, limit)
	if err != nil {
		t.Fatal(err)
	}
	listed := len(want)
	if limit > 0 {
		listed = min(limit, listed)
	}
	if len(counts.Groups) != listed || counts.Total != uint64(len(want)) {
		t.Fatalf("%+v by %s: %v of %d, want %d of %v", q, by, counts.Groups, counts.Total, listed, want)
	}
	last := uint64(math.MaxUint64)
	for _, g := range counts.Groups {
		text := g.Text
		if by == GroupService || by == GroupServer || by == GroupSource {
			text = projection.NameKey(text)
		}
		if n := want[projection.GroupValue{Text: text, Hour: g.Hour}]; n != g.Sessions || n == 0 || n > last {
			t.Fatalf("%+v by %s: %v, want %v", q, by, counts.Groups, want)
		}
		last = g.Sessions
	}
}

// listed returns the ids of what a query lists.
func (h *history) listed(q Query) (ids []uint64) {
	l, err := h.r.Sessions(q)
	if err != nil {
		h.t.Fatal(err)
	}
	for v, err := range l.All() {
		if err != nil {
			h.t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	return ids
}

func (h *history) ask(q Query) {
	t, head := h.t, h.r.Moment().Sequence
	asOf := cmp.Or(q.AsOf, head)
	all := replayed(t, h.r.log, asOf)
	if matching, _ := answer(Query{Live: q.Live, Closed: q.Closed, Lost: q.Lost, Filter: q.Filter}, all); len(matching) > 0 && rapid.Bool().Draw(t, "after?") {
		q.After = rapid.SampledFrom(matching).Draw(t, "after").ID
	}
	want, total := answer(q, all)
	l, err := h.r.Sessions(q)
	if err != nil {
		t.Fatal(err)
	}
	var got []*projection.Session
	for v, err := range l.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v.Session)
	}
	if !slices.EqualFunc(got, want, func(a, b *projection.Session) bool { return string(a.AppendTo(nil)) == string(b.AppendTo(nil)) }) {
		t.Fatalf("%+v of %d gives\n%s, where looking at all gives\n%s", q, head, told(got), told(want))
	}
	if l.Counted && l.Total != uint64(total) || q.Count && !l.Counted {
		t.Fatalf("%+v counts %d (%t) of %d", q, l.Total, l.Counted, total)
	}
	for _, v := range all {
		then, _, err := h.r.SessionAsOf(v.ID, asOf)
		if err != nil || string(then.AppendTo(nil)) != string(v.AppendTo(nil)) {
			t.Fatalf("session %d as of %d is %s, not %s; %v", v.ID, asOf, told([]*projection.Session{then.Session}), told([]*projection.Session{v}), err)
		}
	}
}

func told(all []*projection.Session) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "{%d %s v%d %q %s opened %d ended %d} ", s.ID, s.Status, s.Version, s.Login().User, s.Origin().Service, s.Opened, s.Ended())
	}
	return b.String()
}

// The sequence of a time is that of the last record made by then.
func TestSequenceAt(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	log, err := storage.OpenMemory(storage.NewMemoryDisk(), func() events.Time { return events.TimeOf(now) })
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{Log: log, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	begin := now
	for i, seconds := range []int{0, 1, 1, 5} {
		now = begin.Add(time.Duration(seconds) * time.Second)
		if _, err := r.StartSource(t.Context(), SourceOptions{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		seconds float64
		want    uint64
	}{{-1, 0}, {0, 1}, {0.5, 1}, {1, 3}, {4.9, 3}, {5, 4}, {9, 4}} {
		at := events.TimeOf(begin.Add(time.Duration(c.seconds * float64(time.Second))))
		if got, err := r.SequenceAt(at.Time()); err != nil || got != c.want {
			t.Errorf("%v s after the beginning: sequence %d, %v; want %d", c.seconds, got, err, c.want)
		}
	}
}

// A gap is told where no registry ran, after a clean stop and after a crash.
func TestGapAt(t *testing.T) {
	disk, folder := storage.NewMemoryDisk(), filepath.Join(t.TempDir(), "data")
	begin := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	now := begin
	open := func() *Registry {
		log, err := storage.OpenMemory(disk, func() events.Time { return events.TimeOf(now) })
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(t.Context(), folder, Options{Log: log, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	start := func(r *Registry, name string) *Source {
		s, err := r.StartSource(context.Background(), SourceOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tick := func() { now = now.Add(time.Minute) }

	r := open() // at 0
	s := start(r, "gateway")
	tick()
	start(r, "another") // at 1
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
		t.Fatal(err)
	}
	tick()
	if err := r.Close(); err != nil { // stopped at 2
		t.Fatal(err)
	}
	tick()
	r = open()
	s = start(r, "gateway") // again from 3
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
		t.Fatal(err)
	}
	tick()
	r.stop() // crashed at 4, without a word
	r.workers.Wait()
	if err := r.release(); err != nil {
		t.Fatal(err)
	}
	tick()
	r = open() // settled at 5
	defer r.Close()
	tick()
	start(r, "gateway") // at 6
	minute := func(n float64) events.Time { return events.TimeOf(begin.Add(time.Duration(n * float64(time.Minute)))) }
	for _, c := range []struct {
		at, from, to float64
		gap          bool
	}{
		{at: -0.5, from: math.NaN(), to: 0, gap: true},
		{at: 0},
		{at: 0.5},
		{at: 1},
		{at: 1.5},
		{at: 2, from: 2, to: 3, gap: true},
		{at: 2.5, from: 2, to: 3, gap: true},
		{at: 3.0, from: 3, to: 5, gap: true},
		{at: 4.5, from: 3, to: 5, gap: true},
		{at: 5},
		{at: 5.5},
		{at: 6},
		{at: 7},
	} {
		gap, found, err := r.GapAt(minute(c.at).Time())
		want := Gap{}
		if c.gap {
			want.To = minute(c.to).Time()
			if !math.IsNaN(c.from) {
				want.From = minute(c.from).Time()
			}
		}
		if err != nil || found != c.gap || found && gap != want {
			t.Errorf("at minute %v: gap %v, %t, %v; want %v, %t", c.at, gap, found, err, want, c.gap)
		}
	}
}

// A sequence that is still to come and a session that nobody knows are refused.
func TestQueryRefusals(t *testing.T) {
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Sessions(Query{Live: true, AsOf: 7}); !errors.Is(err, ErrInvalid) {
		t.Errorf("as of a record to come: %v", err)
	}
	if _, err := r.Sessions(Query{Live: true, Order: ByEnd, After: 7}); !errors.Is(err, ErrNotFound) {
		t.Errorf("after a session that there is not: %v", err)
	}
	if _, _, err := r.SessionAsOf(1, 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("a session that there is not: %v", err)
	}
}

// listed are the ids that a query gives.
func listed(t *testing.T, r *Registry, q Query) (ids []uint64) {
	t.Helper()
	l, err := r.Sessions(q)
	if err != nil {
		t.Fatal(err)
	}
	for v, err := range l.All() {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	return ids
}

// scenario is a registry with one session that is told to have had these events; a nil
// one is a checkpoint.
func scenario(t *testing.T, list ...events.Event) *Registry {
	t.Helper()
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"})
	for _, e := range list {
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			err = r.checkpoints.save()
		} else {
			err = r.journal.Append(t.Context(), journal.One(id, e)) // a source could not record all of them
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A session is found by the user it had then, in memory and in the archive.
func TestFormerUserIsFound(t *testing.T) {
	ready := func(user string) events.Event { return &events.SessionReady{User: user} }
	ann := func(at uint64) Query {
		return Query{Live: true, Closed: true, AsOf: at, Filter: projection.Filter{Users: []string{"ann"}}}
	}
	for name, r := range map[string]*Registry{
		"live":     scenario(t, ready("ann"), ready("bob"), ready("ann"), ready("eve")),
		"archived": scenario(t, ready("ann"), ready("bob"), ready("ann"), ready("eve"), &events.SessionClosed{Reason: events.ReasonClientClosed}, nil),
	} {
		// 1 started, 2 opened, 3 ann, 4 bob, 5 ann, 6 eve
		for at, found := range map[uint64]bool{2: false, 3: true, 4: false, 5: true, 6: false} {
			if ids := listed(t, r, ann(at)); (len(ids) == 1) != found {
				t.Errorf("%s, as of %d: %v of ann", name, at, ids)
			}
		}
		if ids := listed(t, r, ann(0)); len(ids) != 0 {
			t.Errorf("%s: %v of ann, who went long ago", name, ids)
		}
	}
}

// However many users one connection has had, it is found by each.
func TestManyFormerUsersAreFound(t *testing.T) {
	var list []events.Event
	for i := range 100 {
		list = append(list, &events.SessionReady{User: fmt.Sprintf("user-%d", i)})
	}
	for name, r := range map[string]*Registry{
		"live":     scenario(t, list...),
		"archived": scenario(t, append(slices.Clone(list), &events.SessionClosed{Reason: events.ReasonClientClosed}, nil)...),
	} {
		for _, i := range []int{0, 31, 32, 33, 34, 98, 99} {
			q := Query{Live: true, AsOf: uint64(3 + i), Filter: projection.Filter{Users: []string{fmt.Sprintf("user-%d", i)}}}
			if ids := listed(t, r, q); len(ids) != 1 {
				t.Errorf("%s: %v when it was user-%d", name, ids, i)
			}
			if i == 99 {
				continue
			}
			q.AsOf++
			if ids := listed(t, r, q); len(ids) != 0 {
				t.Errorf("%s: %v of user-%d one later", name, ids, i)
			}
		}
	}
}

// A session that lives again is not found among the lost, although the archive has
// it until the next checkpoint.
func TestRecoveredIsNotListedAsLost(t *testing.T) {
	r := scenario(t, &events.SessionLost{Cause: events.ReasonSourceLost}, nil, &events.SessionRecovered{})
	for _, order := range []Order{ByID, ByIDDescending, ByEnd, ByEndDescending} {
		if ids := listed(t, r, Query{Lost: true, Order: order}); len(ids) != 0 {
			t.Errorf("order %d: %v among the lost", order, ids)
		}
		if ids := listed(t, r, Query{Live: true, Closed: true, Lost: true, Order: order}); len(ids) != 1 {
			t.Errorf("order %d: %v in all", order, ids)
		}
	}
	if err := r.checkpoints.save(); err != nil {
		t.Fatal(err)
	}
	if ids := listed(t, r, Query{Lost: true}); len(ids) != 0 {
		t.Errorf("%v among the lost after a checkpoint", ids)
	}
}
