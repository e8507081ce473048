package projection_test

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// book stands for the file that rows are written to.
type book struct {
	position uint64
	tables   map[string]map[string][]byte
}

func newBook() *book {
	b := &book{tables: make(map[string]map[string][]byte)}
	for _, name := range projection.Tables() {
		b.tables[name] = make(map[string][]byte)
	}
	return b
}

// commit makes a checkpoint's changes, and looks whether a book can take them.
func (b *book) commit(t rapid.TB, c *projection.Checkpoint) {
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

// scan is what [projection.Load] reads the rows with.
func (b *book) scan(table string, row func(key, value []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(b.tables[table])) {
		if err := row([]byte(key), b.tables[table][key]); err != nil {
			return err
		}
	}
	return nil
}

// archive is what the state asks for sessions that left memory.
func (b *book) archive(id uint64) (*projection.Session, error) {
	for _, table := range []string{projection.TableClosed, projection.TableLost} {
		if row := b.tables[table][string(projection.IDKey(id))]; row != nil {
			return projection.DecodeSession(row, nil)
		}
	}
	return nil, nil
}

func (b *book) load(t rapid.TB) *projection.State {
	t.Helper()
	s, err := projection.Load(b.position, b.archive, b.scan)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sessions are those of a table, by ascending id.
func (b *book) sessions(t rapid.TB, table string) []*projection.Session {
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
func saved(t rapid.TB, s *projection.State, b *book) {
	t.Helper()
	c := s.Checkpoint()
	b.commit(t, c)
	s.Saved(c)
}

// story is a state and the book under it, for tests that tell what happens.
type story struct {
	rapid.TB
	*projection.State
	book *book
}

func tell(t rapid.TB) *story {
	b := newBook()
	return &story{t, projection.New(b.archive), b}
}

// happens lets events of a session happen, each a second after the one before.
func (s *story) happens(id uint64, list ...events.Event) {
	s.Helper()
	if err := s.Apply(s.next(id, list...)); err != nil {
		s.Fatal(err)
	}
}

// next is the records that these events would become.
func (s *story) next(id uint64, list ...events.Event) []events.Record {
	sequence, _ := s.Sequence()
	records := make([]events.Record, len(list))
	for i, e := range list {
		sequence++
		records[i] = events.Record{Sequence: sequence, Recorded: at(sequence), Session: id, Event: e}
	}
	return records
}

// at is when the record of that sequence is made.
func at(sequence uint64) events.Time { return events.Time(sequence * 1_000_000) }

func (s *story) saves() {
	s.Helper()
	saved(s, s.State, s.book)
}

// session is the session in memory or else in the book.
func (s *story) session(id uint64) *projection.View {
	s.Helper()
	var archived *projection.Session
	v, _, err := s.Session(id, func() (err error) {
		archived, err = s.book.archive(id)
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

// where tells in which tables of the book a session is.
func (s *story) where(id uint64) []string {
	var in []string
	for _, table := range []string{projection.TableLive, projection.TableClosed, projection.TableLost} {
		if s.book.tables[table][string(projection.IDKey(id))] != nil {
			in = append(in, table)
		}
	}
	return in
}
