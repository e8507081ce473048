package relay

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestQueueKeepsOrder compares a queue with a plain slice under random use.
func TestQueueKeepsOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	q := queue{buffers: &Buffers{}}
	var model []byte
	next := byte(0)
	for range 1_000 {
		if random.IntN(2) == 0 {
			p := make([]byte, random.IntN(3*BufferSize/2))
			for i := range p {
				p[i] = next
				next++
			}
			q.add(p)
			model = append(model, p...)
		}
		front := q.front()
		if (len(front) == 0) != (len(model) == 0) {
			t.Fatalf("front has %d bytes of %d", len(front), len(model))
		}
		if len(front) > 0 {
			n := 1 + random.IntN(len(front))
			if !bytes.Equal(front[:n], model[:n]) {
				t.Fatal("bytes differ")
			}
			q.drop(n)
			model = model[n:]
		}
		if q.size != len(model) {
			t.Fatalf("size %d, want %d", q.size, len(model))
		}
		if limit := q.size/BufferSize + 2; len(q.blocks) > limit {
			t.Fatalf("%d blocks for %d bytes", len(q.blocks), q.size)
		}
	}
	q.clear()
	if q.size != 0 || q.front() != nil {
		t.Fatal("not empty after clear")
	}
}

// TestQueueJoinsSmallWrites checks that a peer which sends byte by byte does not cost a
// buffer a byte.
func TestQueueJoinsSmallWrites(t *testing.T) {
	q := queue{buffers: &Buffers{}}
	for range BufferSize {
		q.add([]byte{1})
	}
	if len(q.blocks) != 1 {
		t.Fatalf("%d blocks, want 1", len(q.blocks))
	}
}
