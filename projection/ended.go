package projection

import (
	"slices"
	"sync/atomic"
)

// endedBlock is what [State.EndedBlock] is at first. It is also how many sessions a page visits
// at most beyond those that the indexes select: the changes after the last full block have no
// index.
const endedBlock = 1024

// endedChanges are the values of sessions that ended, or changed after their end, in order of
// their changes. Both lists are only appended to, so that a reader goes on with its copy of
// them without the lock.
type endedChanges struct {
	blocks []*block
	open   []*Session // those after the blocks, less than a block
	// indexed is how many of the blocks have an index.
	indexed int
}

// block holds changes that follow each other. The changes never change.
type block struct {
	changes []*Session
	index   atomic.Pointer[endedIndex] // nil until it is made
}

// add adds a change. A block has that many changes.
func (c *endedChanges) add(v *Session, size int) {
	if c.open == nil {
		c.open = make([]*Session, 0, 8)
	}
	if c.open = append(c.open, v); len(c.open) >= size {
		c.seal()
	}
}

// seal makes a block of the changes after the blocks.
func (c *endedChanges) seal() {
	if len(c.open) > 0 {
		c.blocks = append(c.blocks, &block{changes: c.open})
		c.open = nil
	}
}

// before returns the changes of c followed by those of later. c is sealed.
func (c *endedChanges) before(later endedChanges) endedChanges {
	return endedChanges{blocks: slices.Concat(c.blocks, later.blocks), open: later.open}
}

// IndexEnded makes the indexes of the ended sessions in memory, of those that have none yet.
// It does so without the lock. It is called by the goroutine that calls Apply, after a batch:
// what it costs is then no part of any query.
func (s *State) IndexEnded() {
	s.mu.RLock()
	blocks := s.unsaved.endedSince.blocks[s.unsaved.endedSince.indexed:]
	s.mu.RUnlock()
	if len(blocks) == 0 {
		return
	}
	for _, b := range blocks {
		b.index.Store(newEndedIndex(b.changes))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved.noteIndexed()
}

// noteIndexed counts the blocks that have an index.
func (u *unsaved) noteIndexed() {
	c := &u.endedSince
	for c.indexed < len(c.blocks) && c.blocks[c.indexed].index.Load() != nil {
		c.indexed++
	}
}

// EndedSessions are the ended sessions in memory as of one moment: those that ended, or changed after
// their end, since the last checkpoint that was saved. It never changes.
type EndedSessions struct {
	// base is the sequence of that checkpoint.
	base   uint64
	blocks []*block
}

// ended returns the ended sessions in memory as of now. Its caller holds the state's lock.
func (u *unsaved) ended() EndedSessions {
	e := EndedSessions{base: u.saved, blocks: slices.Concat(u.endedSaving.blocks, u.endedSince.blocks)}
	if len(u.endedSince.open) > 0 {
		e.blocks = append(e.blocks, &block{changes: u.endedSince.open})
	}
	return e
}

// EndedInMemory returns about how many ended sessions are in memory.
func (s *State) EndedInMemory() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.sessions.ended)
}

// Supersedes reports whether memory has a newer value of a session than the one in the archive
// whose last record is of that sequence, or the same one.
func (e *EndedSessions) Supersedes(id, last uint64) bool {
	return last > e.base || e.returned(id, id, 0)
}

// SupersedesAny reports whether memory may have a newer value of any of the sessions from low
// to high than the archive, apart from those whose last record is after [EndedSessions.Base].
func (e *EndedSessions) SupersedesAny(low, high uint64) bool { return e.returned(low, high, 0) }

// Base returns the sequence of the last checkpoint that was saved. The archive's rows of later
// ones are in memory too.
func (e *EndedSessions) Base() uint64 { return e.base }

// returned reports whether a session from low to high that was lost once changed in one of the
// blocks from a position on. No other changes after its end.
func (e *EndedSessions) returned(low, high uint64, from int) bool {
	for _, b := range e.blocks[min(from, len(e.blocks)):] {
		if x := b.index.Load(); x != nil {
			if i, _ := slices.BinarySearch(x.returned, low); i < len(x.returned) && x.returned[i] <= high {
				return true
			}
			continue
		}
		if slices.ContainsFunc(b.changes, func(v *Session) bool { return v.WasLost() && low <= v.ID && v.ID <= high }) {
			return true
		}
	}
	return false
}
