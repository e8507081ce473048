package interchange

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSessionIDs opens ids of a small range at random, and compares what is found with a map.
func TestSessionIDs(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var ids sessionIDs
		opened := make(map[uint64]bool)
		for range 300 {
			id := 1 + random.Uint64N(200)
			if got := ids.isOpened(id); got != opened[id] {
				t.Fatalf("that %d was opened is %v in %v", id, got, ids.opened)
			}
			if got := ids.open(id); got == opened[id] {
				t.Fatalf("opening %d gives %v", id, got)
			}
			opened[id] = true
		}
		for i, of := range ids.opened {
			if of.first > of.last || i > 0 && ids.opened[i-1].last+1 >= of.first {
				t.Fatalf("the intervals are %v", ids.opened)
			}
		}
	}
}
