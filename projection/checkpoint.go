package projection

import (
	"encoding/binary"
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

// unsaved tracks the changes since the last checkpoint.
type unsaved struct {
	// since is the sequence of the last checkpoint that was collected and may be saved;
	// dirty are the sessions that changed since, each once.
	since uint64
	dirty []uint64
	// saved is the sequence of the last checkpoint that was saved, and saving that of the one
	// that is being written.
	saved, saving uint64
	// collected is the highest sequence of any checkpoint that was collected, saved or not.
	collected uint64
	// endedSince are the sessions that ended since the last checkpoint was collected.
	// endedSaving are those of the checkpoint that is being written.
	endedSince, endedSaving endedChanges
	feed                    feedChanges
}

// opened records that a session is new.
func (u *unsaved) opened(v *Session) { u.dirty = append(u.dirty, v.ID) }

// replaced records that a session has a new value.
func (u *unsaved) replaced(old, v *Session, endedBlock int) {
	if old.Version <= u.since {
		u.dirty = append(u.dirty, v.ID)
	}
	if old.Status != Live || v.Status != Live {
		u.endedSince.add(v, endedBlock)
	}
}

// collect begins a checkpoint at a sequence.
func (u *unsaved) collect(sequence uint64) {
	u.since, u.collected, u.saving = sequence, sequence, sequence
	u.dirty = nil
	u.endedSince.seal()
	u.endedSince, u.endedSaving = endedChanges{}, u.endedSince
	u.feed.chunks = nil
}

// noteSaved ends the checkpoint that was collected last.
func (u *unsaved) noteSaved() { u.endedSaving, u.saved = endedChanges{}, u.saving }

// notSaved returns the changes of a checkpoint to those that are not saved.
func (u *unsaved) notSaved(c *Checkpoint) {
	u.since = c.before
	u.feed.restore(c.chunks)
	u.endedSince, u.endedSaving = u.endedSaving.before(u.endedSince), endedChanges{}
	seen := make(map[uint64]bool, len(u.dirty))
	for _, id := range u.dirty {
		seen[id] = true
	}
	for _, v := range c.sessions {
		if !seen[v.ID] {
			u.dirty = append(u.dirty, v.ID)
		}
	}
}

// Checkpoint holds the changes between two sequences.
type Checkpoint struct {
	// Position is the sequence that the archive stands for when it has the rows.
	Position  uint64
	before    uint64 // the position of the one before
	collected uint64 // the highest position of any before, saved or not
	sessions  []*Session
	services  []*Service
	servers   []*Server
	sources   []*Source
	totals    totalsRow
	archive   ArchiveLookup     // nil without an archive
	chunks    map[term][]uint64 // of the log, to add to the indexes
}

// Checkpoint collects the changes since the last checkpoint. One checkpoint is collected
// at a time, and ends with [State.Saved] or [State.NotSaved].
func (s *State) Checkpoint() *Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.unsaved.since
	c := &Checkpoint{Position: s.sequence, before: since, collected: s.unsaved.collected, archive: s.archive}
	for _, id := range s.unsaved.dirty {
		c.sessions = append(c.sessions, s.sessions.find(id))
	}
	t := &s.topology
	c.services = t.services.changedSince(since, func(v *Service) uint64 { return max(v.Version, v.Sessions.Sequence) })
	c.servers = t.servers.changedSince(since, func(v *Server) uint64 { return max(v.Version, v.Sessions.Sequence) })
	c.sources = t.sources.changedSince(since, func(v *Source) uint64 { return max(v.Changed, v.Sessions.Sequence) })
	c.totals = totalsRow{
		Totals: s.totals, changed: s.changed, recorded: s.recorded, lastID: s.lastID,
		services: slices.Clone(t.services.order), servers: slices.Clone(t.servers.order), sources: slices.Clone(t.sources.order),
	}
	c.chunks = s.unsaved.feed.chunks
	s.unsaved.collect(s.sequence)
	return c
}

// Saved ends a checkpoint whose rows are durable. Its ended sessions leave memory, unless
// they have changed since.
func (s *State) Saved(c *Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved.noteSaved()
	for _, v := range c.sessions {
		s.sessions.evict(v)
	}
}

// Dropped ends a checkpoint whose rows are not needed, while there is no archive. Its closed
// sessions leave memory. Those that are lost stay: a record can still be about them.
func (s *State) Dropped(c *Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved.noteSaved()
	for _, v := range c.sessions {
		if v.Status != Lost {
			s.sessions.evict(v)
		}
	}
}

// NotSaved ends a checkpoint whose rows could not be written. The archive may have them or
// not: the next checkpoint is right in both cases.
func (s *State) NotSaved(c *Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved.notSaved(c)
}

// rowBytes is about the size of a session's row.
const rowBytes = 192

// Rows returns the rows of the checkpoint, those of one table together and sessions in
// ascending order of id. It visits the sessions that changed, and needs no lock.
func (c *Checkpoint) Rows() []Row {
	rows := append(c.sessionRows(), c.sourceKeyRows()...)
	for _, v := range c.services {
		rows = append(rows, entityRow(tableServices, v.Name, v.fields))
	}
	for _, v := range c.servers {
		rows = append(rows, entityRow(tableServers, v.Name, v.fields))
	}
	for _, v := range c.sources {
		rows = append(rows, entityRow(tableSources, v.Name, v.fields))
	}
	return append(rows, entityRow(tableTotals, tableTotals, c.totals.fields))
}

// sessionRows returns the rows of the three tables of sessions: a value in the table of a
// session's status, and a deletion in each other table that can have the session.
func (c *Checkpoint) sessionRows() []Row {
	slices.SortFunc(c.sessions, byID)
	rows := make([]Row, 0, 2*len(c.sessions)+8)
	keys := make([]byte, 0, 8*len(c.sessions))
	for _, v := range c.sessions {
		keys = binary.BigEndian.AppendUint64(keys, v.ID)
	}
	// The values share as few pieces of memory as possible.
	values := make([]byte, 0, rowBytes*len(c.sessions))
	for _, table := range []string{tableLive, TableClosed, TableLost} {
		for i, v := range c.sessions {
			key := keys[8*i : 8*i+8 : 8*i+8]
			switch {
			case tableOf(v.Status) == table:
				begin := len(values)
				values = v.AppendTo(values)
				rows = append(rows, Row{table, key, values[begin:len(values):len(values)]})
			case v.First() > c.collected:
				// It was in no checkpoint before, so it is in no table.
			case table == tableLive || v.extraOrZero().WasLost:
				rows = append(rows, Row{table, key, nil})
			}
		}
	}
	return rows
}

func tableOf(s Status) string {
	switch s {
	case Closed:
		return TableClosed
	case Lost:
		return TableLost
	}
	return tableLive
}

func entityRow(table, name string, fields func(*wire.Coder)) Row {
	c := wire.NewEncoder(nil)
	fields(&c)
	return Row{table, []byte(NameKey(name)), c.Bytes()}
}
