package gatebook

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gatebook/events"
	"gatebook/projection"
)

// sources are the sources of this process that run. Kills and switches that the log has
// for them are handed to them.
type sources struct {
	// lookup returns a session that is in memory, nil when there is none.
	lookup func(id uint64) *projection.Session

	mu    sync.Mutex // guards the field below
	byKey map[string]*Source
}

func newSources(lookup func(id uint64) *projection.Session) *sources {
	return &sources{lookup: lookup, byKey: make(map[string]*Source)}
}

// find returns the source of that name, nil when none runs.
func (l *sources) find(name string) *Source {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[projection.NameKey(name)]
}

func (l *sources) add(s *Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byKey[projection.NameKey(s.name)] = s
}

// remove removes a source, if it is the one of its name.
func (l *sources) remove(s *Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := projection.NameKey(s.name); l.byKey[key] == s {
		delete(l.byKey, key)
	}
}

// all returns the sources that run, in the order of their names.
func (l *sources) all() []*Source {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Source, 0, len(l.byKey))
	for _, s := range l.byKey {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Source) int { return strings.Compare(a.name, b.name) })
	return all
}

// observe hands kills to the sources that have the sessions, and wakes a source whose
// services may have been stopped or started.
func (l *sources) observe(batch []events.Record) {
	for i := range batch {
		switch e := batch[i].Event.(type) {
		case *events.KillRequested:
			l.dispatchKill(batch[i].Session)
		case *events.ServiceDeclared:
			if s := l.find(e.Source); s != nil {
				s.wakeSwitches()
			}
		}
	}
}

func (l *sources) dispatchKill(id uint64) {
	v := l.lookup(id)
	if v == nil {
		return
	}
	if s := l.find(v.Origin().Source); s != nil && s.incarnation == v.Incarnation() {
		s.kills.add(id)
	}
}

// killQueue holds the sessions whose end was requested and whose source has not been
// given them yet.
type killQueue struct {
	some chan struct{} // capacity 1: there are kills

	mu  sync.Mutex // guards the field below
	ids []uint64
}

func newKillQueue() *killQueue { return &killQueue{some: make(chan struct{}, 1)} }

func (q *killQueue) add(id uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ids = append(q.ids, id)
	select {
	case q.some <- struct{}{}:
	default:
	}
}

// take blocks until there are kills and takes them all, or ctx ends, or stopped is
// closed.
func (q *killQueue) take(ctx context.Context, stopped <-chan struct{}) ([]uint64, error) {
	for {
		q.mu.Lock()
		ids := q.ids
		q.ids = nil
		q.mu.Unlock()
		if len(ids) > 0 {
			return ids, nil
		}
		select {
		case <-q.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-stopped:
			return nil, ErrSourceStopped
		}
	}
}
