package gateway

import (
	"sync"

	"gatebook/cmd/gatebook/gateway/postgres"
)

// roster knows the sessions that go on. It is safe for concurrent use.
type roster struct {
	// mu guards everything.
	mu sync.Mutex
	// live are all sessions with their ids, which are 0 until they are known.
	live map[*session]uint64
	byID map[uint64]*session
	// opening is how many sessions are being given their ids, and early the ids
	// that were wanted ended meanwhile and belong to nobody yet.
	opening int
	early   map[uint64]struct{}
	// issuers are the servers that gave out the keys to cancel queries with.
	issuers map[postgres.Key]*upstream
}

func newRoster() *roster {
	return &roster{
		live:    make(map[*session]uint64),
		byID:    make(map[uint64]*session),
		early:   make(map[uint64]struct{}),
		issuers: make(map[postgres.Key]*upstream),
	}
}

// enter adds a session.
func (r *roster) enter(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[s] = 0
}

// leave removes a session.
func (r *roster) leave(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, s)
	delete(r.byID, s.id)
	if r.issuers[s.key] == s.target {
		delete(r.issuers, s.key)
	}
}

// all returns the sessions there are.
func (r *roster) all() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*session, 0, len(r.live))
	for s := range r.live {
		list = append(list, s)
	}
	return list
}

// expect notes that a session is about to be given its id.
func (r *roster) expect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opening++
}

// name ends what expect began: from now on the session is found by its id. It
// reports whether somebody has already asked for its end.
func (r *roster) name(s *session, id uint64) (wanted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != 0 {
		r.live[s], r.byID[id] = id, s
		_, wanted = r.early[id]
		delete(r.early, id)
	}
	if r.opening--; r.opening == 0 {
		clear(r.early)
	}
	return wanted
}

// idOf returns a session's id, 0 when it is not known.
func (r *roster) idOf(s *session) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live[s]
}

// find returns the session of that id, or nil.
func (r *roster) find(id uint64) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// wanted returns the session of that id, whose end is asked for. When there is
// none it may be that the book knows its id and the gateway does not yet.
func (r *roster) wanted(id uint64) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.byID[id]
	if s == nil && r.opening > 0 {
		r.early[id] = struct{}{}
	}
	return s
}

// issued notes which server gave out a key.
func (r *roster) issued(key postgres.Key, server *upstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.issuers[key] = server
}

// issuer returns the server that gave out a key, or nil.
func (r *roster) issuer(key postgres.Key) *upstream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.issuers[key]
}
