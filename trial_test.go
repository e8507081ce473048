package gatebook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/projection"
)

// trialSessions is how many sessions the book of the trial has, trialLive how many of them
// live.
const (
	trialSessions = 420
	trialLive     = 20
)

// trialOptions are those that the book of the trial is opened with. No time passes, so that
// nothing is recorded because of it.
func trialOptions() Options {
	return Options{ScrubPeriod: -1, Now: func() time.Time { return time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC) }}
}

// trialReport is the report on a session of the trial.
func trialReport(i int) Report {
	reported := func(e events.Event) Reported { return Reported{Key: fmt.Sprintf("c-%d", i), Event: e} }
	p := Report{Source: "edge", Incarnation: "1", Lease: 24 * time.Hour, Events: []Reported{
		reported(&events.SessionOpened{
			Service: []string{"orders", "bills"}[i/200%2], Address: fmt.Sprintf("10.0.%d.%d", i%3, i%50), Port: uint16(i + 1),
		}),
		reported(&events.SessionReady{User: fmt.Sprintf("user%d", i%7), Database: "shop", Program: "psql"}),
		reported(&events.ConnectionOpened{Connection: 1, Server: fmt.Sprintf("db-%d", i%2)}),
	}}
	if i < trialSessions-trialLive {
		p.Events = append(p.Events, reported(&events.SessionClosed{Reason: events.Reason(1 + i%5), By: []string{"", "dba"}[i%2]}))
	}
	return p
}

// newTrialBook makes the book of the trial, and returns its folder and an older copy of
// its book.db.
func newTrialBook(t *testing.T) (folder string, older []byte) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "data")
	parts := [][2]int{{0, trialSessions * 3 / 4}, {trialSessions * 3 / 4, trialSessions}}
	for part, of := range parts {
		r, err := Open(t.Context(), folder, trialOptions())
		if err != nil {
			t.Fatal(err)
		}
		for i := of[0]; i < of[1]; i++ {
			if _, err := r.Report(t.Context(), trialReport(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if part == 0 {
			older = usedPages(t, filepath.Join(folder, "book.db"))
		}
	}
	return folder, older
}

// usedPages returns a bbolt file without the pages at its end that were never used.
func usedPages(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page, highest = 4096, 56 // where a meta page has the number of the first such page
	used := max(binary.LittleEndian.Uint64(b[highest:]), binary.LittleEndian.Uint64(b[page+highest:]))
	return b[:used*page]
}

// trialAnswers returns what a registry answers, in short.
func trialAnswers(ctx context.Context, r *Registry) (string, error) {
	var b strings.Builder
	m := r.Moment()
	fmt.Fprintf(&b, "%d %d %d %d\n", m.Sequence, m.Live, m.Closed, m.Lost)
	filters := []projection.Filter{
		{},
		{Users: []string{"user3"}},
		{Services: []string{"bills"}},
		{Servers: []string{"db-1"}},
		{By: []string{"dba"}},
		{Sources: []string{"edge"}},
		{Reasons: []events.Reason{2}},
		{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.1.0/24")}},
		{Users: []string{"nobody"}},
		{Users: []string{"user1"}, Servers: []string{"db-0"}},
	}
	for _, f := range filters {
		for _, order := range []Order{ByID, ByEndDescending} {
			l, err := r.Sessions(Query{Live: true, Closed: true, Lost: true, Filter: f, Order: order, Count: true})
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%d:", l.Total)
			for v, err := range l.All() {
				if err != nil {
					return "", err
				}
				fmt.Fprintf(&b, " %d", v.ID)
			}
			b.WriteByte('\n')
		}
	}
	for by := GroupUser; by < GroupHour; by++ {
		counts, err := r.Counts(ctx, Query{Live: true, Closed: true, Lost: true}, by, 0)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, counts.Groups)
	}
	for i := range trialSessions + 3 {
		v, _, err := r.Session(uint64(i + 1))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return "", err
		}
		id, err := r.reader.Keyed("edge", "1", fmt.Sprintf("c-%d", i))
		if err != nil {
			return "", err
		}
		if v.Session != nil {
			fmt.Fprintf(&b, "%d %s %s %d ", v.ID, v.Status, v.Login().User, v.Version)
		}
		fmt.Fprintln(&b, id)
	}
	return b.String(), nil
}

// damage is a way to damage a book.db. It changes b, or returns other bytes.
type damage struct {
	name string
	do   func(random *rand.Rand, b, older []byte) []byte
}

// trialDamages are the kinds of damage that are tried.
func trialDamages() []damage {
	const page = 4096
	at := func(r *rand.Rand, b []byte) int { return r.IntN(len(b)) }
	pageAt := func(r *rand.Rand, b []byte) []byte { n := r.IntN(len(b) / page); return b[n*page:][:page] }
	return []damage{
		{"a bit", func(r *rand.Rand, b, _ []byte) []byte { b[at(r, b)] ^= 1 << r.IntN(8); return b }},
		{"a byte", func(r *rand.Rand, b, _ []byte) []byte { b[at(r, b)] = byte(r.Uint32()); return b }},
		{"a zeroed page", func(r *rand.Rand, b, _ []byte) []byte { clear(pageAt(r, b)); return b }},
		{"swapped pages", func(r *rand.Rand, b, _ []byte) []byte {
			x, y := pageAt(r, b), pageAt(r, b)
			kept := slices.Clone(x)
			copy(x, y)
			copy(y, kept)
			return b
		}},
		{"a page of another place", func(r *rand.Rand, b, _ []byte) []byte { copy(pageAt(r, b), pageAt(r, b)); return b }},
		{"a stale page", func(r *rand.Rand, b, older []byte) []byte {
			n := r.IntN(min(len(b), len(older)) / page)
			copy(b[n*page:][:page], older[n*page:])
			return b
		}},
		{"a cut file", func(r *rand.Rand, b, _ []byte) []byte { return b[:at(r, b)] }},
		{"a page's count", func(r *rand.Rand, b, _ []byte) []byte {
			binary.LittleEndian.PutUint16(pageAt(r, b)[10:], uint16(r.IntN(200)))
			return b
		}},
		{"a page's overflow", func(r *rand.Rand, b, _ []byte) []byte {
			binary.LittleEndian.PutUint32(pageAt(r, b)[12:], r.Uint32N(1<<(1+r.Uint32N(31))))
			return b
		}},
		{"a page's elements", func(r *rand.Rand, b, _ []byte) []byte {
			p := pageAt(r, b)
			p[16+r.IntN(200)] ^= 1 << r.IntN(8)
			return b
		}},
		{"a page's flags", func(r *rand.Rand, b, _ []byte) []byte { pageAt(r, b)[8] = 1 << r.IntN(6); return b }},
		{"a meta page", func(r *rand.Rand, b, _ []byte) []byte { b[r.IntN(2)*page+r.IntN(80)] ^= 1 << r.IntN(8); return b }},
		{"both meta pages", func(r *rand.Rand, b, _ []byte) []byte { clear(b[:page]); b[page+16+r.IntN(64)] ^= 1; return b }},
		{"an older meta page", func(_ *rand.Rand, b, older []byte) []byte { copy(b[:2*page], older[:2*page]); return b }},
		{"an older copy", func(_ *rand.Rand, _, older []byte) []byte { return slices.Clone(older) }},
	}
}

// try damages a copy of the book, opens it, reads everything, records, and reads everything
// again. It returns what became of the damage; problems are failures of the test.
func (c *trial) try(t *testing.T, d damage, seed uint64) string {
	parent, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(parent)
	folder := filepath.Join(parent, "data")
	if err := os.CopyFS(folder, os.DirFS(c.folder)); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	if err := os.WriteFile(filepath.Join(folder, "book.db"), d.do(random, slices.Clone(c.book), c.older), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), folder, trialOptions())
	if err != nil {
		t.Errorf("%s %d: open: %v", d.name, seed, err)
		return "refused at open"
	}
	outcome := "harmless"
	if r.OpenInfo().Rebuilt != nil {
		outcome = "rebuilt at open"
	}
	// settled repeats a call while the archive is made again.
	settled := func(what string, call func() error) {
		t.Helper()
		deadline := time.Now().Add(30 * time.Second)
		err := call()
		for ; errors.Is(err, ErrRebuilding) && time.Now().Before(deadline); err = call() {
			outcome = "error at read, then rebuilt"
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			t.Errorf("%s %d: %s: %v", d.name, seed, what, err)
		}
	}
	compare := func(r *Registry, want string) {
		t.Helper()
		settled("read", func() error {
			got, err := trialAnswers(t.Context(), r)
			if err == nil && got != want {
				outcome = "silently wrong"
				t.Errorf("%s %d: the answers are wrong: %s", d.name, seed, firstDifference(got, want))
			}
			return err
		})
	}
	compare(r, c.before)
	settled("record", func() error { return c.record(t.Context(), r) })
	if err := r.Close(); err != nil && !errors.Is(err, ErrRebuilding) {
		t.Errorf("%s %d: close: %v", d.name, seed, err)
	}
	if r, err = Open(t.Context(), folder, trialOptions()); err != nil {
		t.Fatalf("%s %d: open again: %v", d.name, seed, err)
	}
	compare(r, c.after)
	if err := r.Close(); err != nil && !errors.Is(err, ErrRebuilding) {
		t.Errorf("%s %d: close again: %v", d.name, seed, err)
	}
	return outcome
}

// trial is the book that is damaged, and what it answers before and after something is
// recorded.
type trial struct {
	folder        string
	book, older   []byte
	before, after string
}

// record sends two reports again, which are on the record, and a new one.
func (c *trial) record(ctx context.Context, r *Registry) error {
	for _, i := range []int{7, 300, trialSessions} {
		p := trialReport(i)
		if i == trialSessions {
			p.Events = append(p.Events, Reported{Key: p.Events[0].Key, Event: &events.SessionClosed{Reason: events.ReasonError}})
		}
		if _, err := r.Report(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is %.200q, want %.200q", i, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	c := &trial{}
	c.folder, c.older = newTrialBook(t)
	c.book = usedPages(t, filepath.Join(c.folder, "book.db"))
	segments, err := filepath.Glob(filepath.Join(c.folder, "log", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range segments {
		if err := os.Truncate(path, int64(len(usedPages(t, path)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(c.folder, "book.db")); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(folder, os.DirFS(c.folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "book.db"), c.book, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, to := range []*string{&c.before, &c.after} {
		r, err := Open(t.Context(), folder, trialOptions())
		if err != nil {
			t.Fatal(err)
		}
		if *to, err = trialAnswers(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if to == &c.before {
			err = c.record(t.Context(), r)
		}
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestDamagedArchiveTrial damages book.db in every kind of way, many times. No damage gives a
// wrong answer, makes a report count twice, ends the process or hangs it.
func TestDamagedArchiveTrial(t *testing.T) {
	t.Parallel()
	c := newTrial(t)
	var total, noticed atomic.Int64
	t.Run("damages", func(t *testing.T) {
		for _, d := range trialDamages() {
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				outcomes := make(map[string]int)
				for seed := range uint64(trialsOfEach) {
					outcome := c.try(t, d, seed)
					outcomes[outcome]++
					if total.Add(1); outcome != "harmless" {
						noticed.Add(1)
					}
				}
				t.Log(outcomes)
			})
		}
	})
	if noticed.Load() < total.Load()/4 {
		t.Errorf("only %d of %d damages were noticed: the trial proves nothing", noticed.Load(), total.Load())
	}
}

// TestArchiveIsMadeAgainWhileRunning damages all of book.db under a running registry. Live
// sessions are read and recorded all the time, and those that have ended when the archive has
// been made again.
func TestArchiveIsMadeAgainWhileRunning(t *testing.T) {
	t.Parallel()
	c := newTrial(t)
	if err := os.WriteFile(filepath.Join(c.folder, "book.db"), c.book, 0o600); err != nil {
		t.Fatal(err)
	}
	reported := make(chan error, 10)
	o := trialOptions()
	o.Report = func(err error) { reported <- err }
	r, err := Open(t.Context(), c.folder, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	damageArchive(t, c.folder)
	if _, _, err := r.Session(1); !errors.Is(err, ErrRebuilding) {
		t.Errorf("an ended session: got %v, want ErrRebuilding", err)
	}
	if err := <-reported; !errors.Is(err, ErrRebuilding) && !strings.Contains(err.Error(), "is made again") {
		t.Errorf("reported %v", err)
	}
	for {
		id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"})
		if err == nil {
			err = s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed})
		}
		if err != nil {
			t.Fatalf("record: %v", err)
		}
		if v, _, err := r.Session(trialSessions); err != nil || v.Status != projection.Live {
			t.Fatalf("a live session: %v, %v", v.Session, err)
		}
		v, _, err := r.Session(1)
		if err == nil {
			if v.Status != projection.Closed {
				t.Errorf("session 1 is %s", v.Status)
			}
			return
		}
		if !errors.Is(err, ErrRebuilding) {
			t.Fatal(err)
		}
	}
}
