package projection

// sessions are the sessions in memory: the live ones, and those that ended since the last
// saved checkpoint.
type sessions struct {
	live table
	// index is that of live once indexed is set. Until then nothing is kept in it, and searches
	// visit all sessions.
	index   liveIndex
	indexed bool
	ended   map[uint64]*Session
	keys    sourceKeys // of live and ended
	// stages counts live by service.
	stages map[string]LiveCounts
}

// LiveCounts are the numbers of live sessions of one service, indexed by [Stage].
type LiveCounts [Stopping + 1]uint64

func newSessions() sessions {
	return sessions{index: newLiveIndex(), indexed: true, ended: make(map[uint64]*Session), keys: make(sourceKeys), stages: make(map[string]LiveCounts)}
}

// find returns the session of that id; nil if it is not in memory.
func (m *sessions) find(id uint64) *Session {
	if v := m.live.get(id); v != nil {
		return v
	}
	return m.ended[id]
}

// open adds a live session.
func (m *sessions) open(v *Session) {
	m.live.put(v)
	m.keys.put(v)
	if m.indexed {
		m.index.put(v)
	}
	m.count(v, 1)
}

// indexLive makes the index if there is none.
func (m *sessions) indexLive() {
	if m.indexed {
		return
	}
	m.live.ascend(0, 0, endOfTime, func(v *Session) bool {
		m.index.put(v)
		return true
	})
	m.indexed = true
}

// count adds n to the count of a live session's stage.
func (m *sessions) count(v *Session, n int) {
	service := v.Origin().Service
	counts := m.stages[service]
	if counts[v.Stage] += uint64(n); counts == (LiveCounts{}) {
		delete(m.stages, service)
		return
	}
	m.stages[service] = counts
}

// replace puts the new value of a session in the place of the old one.
func (m *sessions) replace(old, v *Session) {
	switch {
	case old.Status == Live && v.Status == Live:
		m.live.put(v)
		if m.indexed {
			m.index.update(old, v)
		}
		if old.Stage != v.Stage {
			m.count(old, -1)
			m.count(v, 1)
		}
	case old.Status == Live:
		m.live.remove(v.ID)
		if m.indexed {
			m.index.drop(old)
		}
		m.count(old, -1)
		m.ended[v.ID] = v
	case v.Status == Live:
		delete(m.ended, v.ID)
		m.open(v)
	default:
		m.ended[v.ID] = v
		m.keys.put(v) // the old value may be from the archive
	}
}

// evict removes an ended session that was saved, unless it has changed since.
func (m *sessions) evict(v *Session) {
	if m.ended[v.ID] == v {
		delete(m.ended, v.ID)
		m.keys.remove(v)
	}
}

// choose is [liveIndex.choose], which finds nothing while there is no index.
func (m *sessions) choose(by *Matcher, present bool) (best []*postingList, found bool) {
	if !m.indexed {
		return nil, false
	}
	return m.index.choose(by, present)
}

// ofSource calls take with the live sessions of a source, in ascending order of id, until it
// returns false.
func (m *sessions) ofSource(name string, take func(*Session) bool) {
	key := NameKey(name)
	if !m.indexed {
		m.live.ascend(0, 0, endOfTime, func(v *Session) bool { return NameKey(v.Origin().Source) != key || take(v) })
		return
	}
	if p := m.index.lists[term{fieldSource, key}]; p != nil {
		union([]*postingList{p}, 0, false, func(id uint64) bool { return take(m.live.get(id)) })
	}
}
