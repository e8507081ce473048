package projection

import (
	"encoding/binary"
	"fmt"
	"slices"

	"gatebook/events/wire"
)

// Row is a change to a row of a table.
type Row struct {
	Table string
	Key   []byte
	// Value is the row's new value; nil deletes it.
	Value []byte
}

// Checkpoint is what changed between two sequences.
type Checkpoint struct {
	// Position is the sequence the rows bring a book to.
	Position  uint64
	before    uint64 // the position of the one before
	collected uint64 // the highest position of any before, saved or not
	sessions  []*Session
	services  []*Service
	servers   []*Server
	sources   []*Source
	summary   summary
}

// Checkpoint collects what changed since the last one. One checkpoint is
// collected at a time; its fate is told to [State.Saved] or [State.NotSaved].
func (s *State) Checkpoint() *Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Checkpoint{Position: s.sequence, before: s.saved, collected: s.collected}
	for _, id := range s.dirty {
		v := s.live.get(id)
		if v == nil {
			v = s.ended[id]
		}
		c.sessions = append(c.sessions, v)
	}
	c.services = changed(&s.services, s.saved, func(v *Service) uint64 { return max(v.Version, v.Sessions.Sequence) })
	c.servers = changed(&s.servers, s.saved, func(v *Server) uint64 { return max(v.Version, v.Sessions.Sequence) })
	c.sources = changed(&s.sources, s.saved, func(v *Source) uint64 { return max(v.Changed, v.Sessions.Sequence) })
	c.summary = summary{
		Totals: s.totals, changed: s.changed, recorded: s.recorded, lastID: s.lastID,
		services: slices.Clone(s.services.order), servers: slices.Clone(s.servers.order), sources: slices.Clone(s.sources.order),
	}
	s.saved, s.collected = s.sequence, s.sequence
	s.dirty = nil
	s.endedSince, s.endedSaving = nil, s.endedSince
	return c
}

func changed[T any](e *entities[T], since uint64, version func(*T) uint64) []*T {
	var all []*T
	for _, key := range e.order {
		if v := e.byKey[key]; version(v) > since {
			c := *v
			all = append(all, &c)
		}
	}
	return all
}

// rowBytes is about what the row of a session takes.
const rowBytes = 192

// Rows are the checkpoint's, tables together and sessions by ascending id. It
// costs the sessions that changed, and needs no lock.
func (c *Checkpoint) Rows() []Row {
	slices.SortFunc(c.sessions, byID)
	rows := make([]Row, 0, 2*len(c.sessions)+8)
	keys := make([]byte, 0, 8*len(c.sessions))
	for _, v := range c.sessions {
		keys = binary.BigEndian.AppendUint64(keys, v.ID)
	}
	// The values lie behind each other, in as many pieces of memory as it takes.
	values := make([]byte, 0, rowBytes*len(c.sessions))
	for _, table := range []string{TableLive, TableClosed, TableLost} {
		for i, v := range c.sessions {
			key := keys[8*i : 8*i+8 : 8*i+8]
			switch {
			case tableOf(v.Status) == table:
				begin := len(values)
				values = v.AppendTo(values)
				rows = append(rows, Row{table, key, values[begin:len(values):len(values)]})
			case v.first() > c.collected:
				// It was in no checkpoint before, so it is in no table.
			case table == TableLive || v.extraOrZero().WasLost:
				rows = append(rows, Row{table, key, nil})
			}
		}
	}
	rows = append(rows, c.sourceKeyRows()...)
	for _, v := range c.services {
		rows = append(rows, entityRow(TableServices, v.Name, v.fields))
	}
	for _, v := range c.servers {
		rows = append(rows, entityRow(TableServers, v.Name, v.fields))
	}
	for _, v := range c.sources {
		rows = append(rows, entityRow(TableSources, v.Name, v.fields))
	}
	return append(rows, entityRow(TableTotals, TableTotals, c.summary.fields))
}

func tableOf(s Status) string {
	switch s {
	case Closed:
		return TableClosed
	case Lost:
		return TableLost
	}
	return TableLive
}

func entityRow(table, name string, fields func(*wire.Coder)) Row {
	c := wire.NewEncoder(nil)
	fields(&c)
	return Row{table, []byte(NameKey(name)), c.Bytes()}
}

// Saved tells that the checkpoint's rows are durable: the sessions that ended
// leave memory, if nothing happened to them since.
func (s *State) Saved(c *Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endedSaving = nil
	for _, v := range c.sessions {
		if s.ended[v.ID] == v {
			delete(s.ended, v.ID)
			s.sourceKeys.remove(v)
		}
	}
}

// NotSaved tells that writing the checkpoint's rows failed, so that nobody knows
// whether they are in the book: the next one is right in either case.
func (s *State) NotSaved(c *Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = c.before
	s.endedSince, s.endedSaving = slices.Concat(s.endedSaving, s.endedSince), nil
	seen := make(map[uint64]bool, len(s.dirty))
	for _, id := range s.dirty {
		seen[id] = true
	}
	for _, v := range c.sessions {
		if !seen[v.ID] {
			s.dirty = append(s.dirty, v.ID)
		}
	}
}

// Scan calls row for every row of a table.
type Scan func(table string, row func(key, value []byte) error) error

// Load makes the state that the rows of a book describe, as of position.
func Load(position uint64, archive ArchiveLookup, scan Scan) (*State, error) {
	s := New(archive)
	s.sequence, s.saved, s.collected = position, position, position
	s.applied.Store(position)
	var strings wire.Strings
	decode := func(value []byte, fields func(*wire.Coder)) error {
		c := wire.NewDecoder(value, &strings)
		fields(&c)
		return c.Finish()
	}
	var sum summary
	err := scan(TableTotals, func(_, value []byte) error { return decode(value, sum.fields) })
	if err != nil {
		return nil, fmt.Errorf("totals: %w", err)
	}
	s.totals, s.changed, s.recorded, s.lastID = sum.Totals, sum.changed, sum.recorded, sum.lastID
	if err := loadEntities(&s.services, TableServices, sum.services, scan, decode, (*Service).fields); err != nil {
		return nil, err
	}
	if err := loadEntities(&s.servers, TableServers, sum.servers, scan, decode, (*Server).fields); err != nil {
		return nil, err
	}
	if err := loadEntities(&s.sources, TableSources, sum.sources, scan, decode, (*Source).fields); err != nil {
		return nil, err
	}
	err = scan(TableLive, func(_, value []byte) error {
		v, err := DecodeSession(value, &strings)
		if err == nil {
			s.live.put(v)
			s.sourceKeys.put(v)
			s.index.put(v)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("live sessions: %w", err)
	}
	return s, nil
}

func loadEntities[T any](e *entities[T], table string, order []string, scan Scan,
	decode func([]byte, func(*wire.Coder)) error, fields func(*T, *wire.Coder),
) error {
	err := scan(table, func(key, value []byte) error {
		v := new(T)
		if err := decode(value, func(c *wire.Coder) { fields(v, c) }); err != nil {
			return err
		}
		e.byKey[string(key)] = v
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	if len(order) != len(e.byKey) {
		return fmt.Errorf("%s: %d rows where %d are named", table, len(e.byKey), len(order))
	}
	for _, key := range order {
		if e.byKey[key] == nil {
			return fmt.Errorf("%s: no row for %q", table, key)
		}
	}
	e.order = order
	return nil
}
