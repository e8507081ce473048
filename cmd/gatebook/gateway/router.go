package gateway

import (
	"cmp"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// router hands out a service's servers. It is safe for concurrent use.
type router struct {
	kind      Router
	upstreams []*upstream
	// limit is what an attempt to reach a server may take.
	limit time.Duration
	now   func() time.Time
	// taken is how many sessions were given a server.
	taken atomic.Uint64
}

// candidates yields the servers in the order in which to try them, each once. First
// come those that answer or are due to be tried again; then, rather than refuse
// the session, those that are being left alone. One that is being drained is not
// among them.
func (r *router) candidates() iter.Seq[*upstream] {
	list := r.order()
	return func(yield func(*upstream) bool) {
		var alone []*upstream
		for _, b := range list {
			switch {
			case b.draining.Load():
			case !b.offer(r.now(), r.limit):
				alone = append(alone, b)
			case !yield(b):
				return
			}
		}
		for _, b := range alone {
			if !yield(b) {
				return
			}
		}
	}
}

// order returns the servers as the router wants them. In turn means among those
// that get sessions: with the others among them, whoever comes next would get theirs.
func (r *router) order() []*upstream {
	if r.kind == Priority {
		return r.upstreams
	}
	now, turn := r.now(), r.taken.Add(1)-1
	var ready, alone []*upstream
	for _, b := range r.upstreams {
		switch {
		case b.draining.Load():
		case b.due(now):
			ready = append(ready, b)
		default:
			alone = append(alone, b)
		}
	}
	list := slices.Concat(rotated(ready, turn), rotated(alone, turn))
	if r.kind == LeastConnections {
		load := make(map[*upstream]int64, len(list)) // as of one moment
		for _, b := range list {
			load[b] = b.connections.Load()
		}
		slices.SortStableFunc(list, func(a, b *upstream) int { return cmp.Compare(load[a], load[b]) })
	}
	return list
}

// rotated is the list as it is in some turn.
func rotated(list []*upstream, turn uint64) []*upstream {
	if len(list) == 0 {
		return nil
	}
	first := turn % uint64(len(list))
	return slices.Concat(list[first:], list[:first])
}
