package projection_test

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// fakeArchive replaces the file that rows are written to.
type fakeArchive struct {
	position uint64
	tables   map[string]map[string][]byte
}

func newFakeArchive() *fakeArchive {
	b := &fakeArchive{tables: make(map[string]map[string][]byte)}
	for _, name := range projection.Tables() {
		b.tables[name] = make(map[string][]byte)
	}
	return b
}

// commit applies a checkpoint's rows, and checks that an archive can take them.
func (b *fakeArchive) commit(t rapid.TB, c *projection.Checkpoint) {
	t.Helper()
	changed := make(map[string]bool)
	for _, row := range c.Rows() {
		table, name := b.tables[row.Table], row.Table+string(row.Key)
		if table == nil || len(row.Key) == 0 || changed[name] {
			t.Errorf("row %x of table %q is changed twice, has no key or no table", row.Key, row.Table)
			continue
		}
		changed[name] = true
		if table[string(row.Key)] = row.Value; row.Value == nil {
			delete(table, string(row.Key))
		}
	}
	b.position = c.Position
}

// scan is the [projection.Scan] of the rows.
func (b *fakeArchive) scan(table string, row func(key, value []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(b.tables[table])) {
		if err := row([]byte(key), b.tables[table][key]); err != nil {
			return err
		}
	}
	return nil
}

// archive is the [projection.ArchiveLookup] of the rows.
func (b *fakeArchive) archive(id uint64) (*projection.Session, error) {
	for _, table := range []string{projection.TableClosed, projection.TableLost} {
		if row := b.tables[table][string(projection.IDKey(id))]; row != nil {
			return projection.DecodeSession(row, nil)
		}
	}
	return nil, nil
}

func (b *fakeArchive) load(t rapid.TB) *projection.State {
	t.Helper()
	s, err := projection.Load(b.position, b.archive, b.scan)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sessions returns the sessions of a table, by ascending id.
func (b *fakeArchive) sessions(t rapid.TB, table string) []*projection.Session {
	t.Helper()
	var all []*projection.Session
	err := b.scan(table, func(key, row []byte) error {
		v, err := projection.DecodeSession(row, nil)
		if err == nil && string(projection.IDKey(v.ID)) != string(key) {
			t.Errorf("session %d is under key %x", v.ID, key)
		}
		all = append(all, v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// saved writes a checkpoint as a registry does.
func saved(t rapid.TB, s *projection.State, b *fakeArchive) {
	t.Helper()
	c := s.Checkpoint()
	b.commit(t, c)
	s.Saved(c)
}

// scenario is a state and its archive, for tests that apply one event after the other.
type scenario struct {
	rapid.TB
	*projection.State
	archive *fakeArchive
}

func newScenario(t rapid.TB) *scenario {
	b := newFakeArchive()
	return &scenario{t, projection.New(b.archive), b}
}

// record applies events of a session, each a second after the one before.
func (s *scenario) record(id uint64, list ...events.Event) {
	s.Helper()
	if err := s.Apply(s.records(id, list...)); err != nil {
		s.Fatal(err)
	}
}

// records returns the records of these events, the next ones of the log.
func (s *scenario) records(id uint64, list ...events.Event) []events.Record {
	sequence, _ := s.Sequence()
	records := make([]events.Record, len(list))
	for i, e := range list {
		sequence++
		records[i] = events.Record{Sequence: sequence, Recorded: at(sequence), Session: id, Event: e}
	}
	return records
}

// at returns the time of the record of that sequence.
func at(sequence uint64) events.Time { return events.Time(sequence * 1_000_000) }

func (s *scenario) save() {
	s.Helper()
	saved(s, s.State, s.archive)
}

// session returns the session in memory or else in the archive.
func (s *scenario) session(id uint64) *projection.View {
	s.Helper()
	var archived *projection.Session
	v, _, err := s.Session(id, func() (err error) {
		archived, err = s.archive.archive(id)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	if v.Session == nil {
		v.Session = archived
	}
	if v.Session == nil {
		s.Fatalf("there is no session %d", id)
	}
	return &v
}

// tablesOf returns the tables of the archive that have a session.
func (s *scenario) tablesOf(id uint64) []string {
	var in []string
	for _, table := range []string{projection.TableLive, projection.TableClosed, projection.TableLost} {
		if s.archive.tables[table][string(projection.IDKey(id))] != nil {
			in = append(in, table)
		}
	}
	return in
}
