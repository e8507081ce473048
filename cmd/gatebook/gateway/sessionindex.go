package gateway

import "sync"

// sessionIndex finds the sessions that have not ended. It is safe for concurrent use.
type sessionIndex struct {
	// mu guards everything below.
	mu   sync.Mutex
	live map[*session]struct{}
	byID map[uint64]*session
	// opening is how many sessions are being given their ids. early are the ids that were
	// to be killed meanwhile and belong to no session yet.
	opening int
	early   map[uint64]struct{}
}

func newSessionIndex() *sessionIndex {
	return &sessionIndex{
		live:  make(map[*session]struct{}),
		byID:  make(map[uint64]*session),
		early: make(map[uint64]struct{}),
	}
}

// add adds a session, which has no id yet.
func (x *sessionIndex) add(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.live[s] = struct{}{}
}

// remove removes a session.
func (x *sessionIndex) remove(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.live, s)
	delete(x.byID, s.record.ID())
}

// all returns the sessions that have not ended.
func (x *sessionIndex) all() []*session {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := make([]*session, 0, len(x.live))
	for s := range x.live {
		list = append(list, s)
	}
	return list
}

// len returns how many sessions have not ended.
func (x *sessionIndex) len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.live)
}

// expect notes that a session is about to be given its id.
func (x *sessionIndex) expect() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opening++
}

// assign ends what expect began: from now on the session is found by its id, unless that
// is 0. It reports whether the session is to be killed already.
func (x *sessionIndex) assign(s *session, id uint64) (killed bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if id != 0 {
		x.byID[id] = s
		_, killed = x.early[id]
		delete(x.early, id)
	}
	if x.opening--; x.opening == 0 {
		clear(x.early)
	}
	return killed
}

// find returns the session of that id, or nil.
func (x *sessionIndex) find(id uint64) *session {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.byID[id]
}

// toKill returns the session of that id, or nil. The recorder can know the id of a session
// before the gateway does: while sessions are being given their ids, one that is not found
// is kept for [sessionIndex.assign].
func (x *sessionIndex) toKill(id uint64) *session {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.byID[id]
	if s == nil && x.opening > 0 {
		x.early[id] = struct{}{}
	}
	return s
}
