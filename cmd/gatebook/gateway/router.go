package gateway

import (
	"iter"
	"sync/atomic"
)

// roundRobin hands out servers in turn. It is safe for concurrent use.
type roundRobin struct {
	servers []*Server
	// taken is how many sessions were given a server.
	taken atomic.Uint64
}

// candidates yields every server once, in the order in which to try them: the
// one whose turn it is first.
func (r *roundRobin) candidates() iter.Seq[*Server] {
	count := uint64(len(r.servers))
	first := (r.taken.Add(1) - 1) % count
	return func(yield func(*Server) bool) {
		for i := range count {
			if !yield(r.servers[(first+i)%count]) {
				return
			}
		}
	}
}
