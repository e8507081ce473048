package journal

import (
	"sync"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// Held keeps ended sessions while an append that changes them is on its way. A decision
// about a session can then be applied, also when damage of the archive is noticed in
// between. The zero Held has none. It is safe for concurrent use.
type Held struct {
	mu       sync.Mutex // guards the field below
	sessions map[uint64]*heldSession
}

type heldSession struct {
	session *projection.Session
	holders int
}

// Find returns a session that is held, nil when it is not.
func (h *Held) Find(id uint64) *projection.Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sessions[id]; s != nil {
		return s.session
	}
	return nil
}

// hold keeps the ended sessions that entries change, until they are released. Errors: those
// of lookup.
func (h *Held) hold(entries []storage.Entry, state *projection.State, lookup Lookup) (held []uint64, err error) {
	for i := range entries {
		r := &entries[i].Record
		if !changesEnded(r.Event) || state.Lookup(r.Session) != nil {
			continue
		}
		s, err := lookup(r.Session)
		if err != nil {
			h.release(held)
			return nil, err
		}
		if s != nil {
			h.add(s)
			held = append(held, s.ID)
		}
	}
	return held, nil
}

// changesEnded reports whether an event of the kind of e can be about a session that has
// left memory, which is one that is lost: see lifecycle's transitions.
func changesEnded(e events.Event) bool {
	switch e.Kind() {
	case events.KindKillRequested, events.KindSessionClosed, events.KindSessionRecovered:
		return true
	}
	return false
}

func (h *Held) add(s *projection.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		h.sessions = make(map[uint64]*heldSession)
	}
	v := h.sessions[s.ID]
	if v == nil {
		v = &heldSession{session: s}
		h.sessions[s.ID] = v
	}
	v.holders++
	if s.Version > v.session.Version {
		v.session = s
	}
}

func (h *Held) release(held []uint64) {
	if len(held) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range held {
		v := h.sessions[id]
		if v.holders--; v.holders == 0 {
			delete(h.sessions, id)
		}
	}
}
