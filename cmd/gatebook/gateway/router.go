package gateway

import (
	"cmp"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// router decides in which order a session tries the servers of its service. It is safe
// for concurrent use.
type router struct {
	kind     Router
	backends []*backend
	// limit is how long an attempt to reach a server may take.
	limit time.Duration
	now   func() time.Time
	// taken is how many sessions were given a server.
	taken atomic.Uint64
}

// candidates yields the servers in the order in which to try them, each once. First
// come those that answer or are due to be tried again; then, rather than refuse
// the session, those that are being left alone. Servers that are drained are left out.
func (r *router) candidates() iter.Seq[*backend] {
	list := r.order()
	return func(yield func(*backend) bool) {
		var alone []*backend
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

// order returns the servers as the router prefers them. Only servers that get sessions
// take turns: a server that is left alone would pass its turn to its neighbour, which
// would get two.
func (r *router) order() []*backend {
	if r.kind == Priority {
		return r.backends
	}
	now, turn := r.now(), r.taken.Add(1)-1
	var ready, alone []*backend
	for _, b := range r.backends {
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
		load := make(map[*backend]int64, len(list)) // as of one moment
		for _, b := range list {
			load[b] = b.connections.Load()
		}
		slices.SortStableFunc(list, func(a, b *backend) int { return cmp.Compare(load[a], load[b]) })
	}
	return list
}

// rotated returns the list, beginning with the server whose turn it is.
func rotated(list []*backend, turn uint64) []*backend {
	if len(list) == 0 {
		return nil
	}
	first := turn % uint64(len(list))
	return slices.Concat(list[first:], list[:first])
}
