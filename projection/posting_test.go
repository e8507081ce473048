package projection

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPostingsAreSets compares unions with those of sets, in both orders from anywhere,
// after any additions and removals.
func TestPostingsAreSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		ids := rapid.SampledFrom([]*rapid.Generator[uint64]{
			rapid.Uint64Range(1, 300),                                        // dense pages
			rapid.Uint64Range(containerIDs-100, containerIDs+100),            // over the border of two containers
			rapid.Uint64Range(1, 1<<64-1),                                    // far apart
			rapid.Uint64Range(5*containerIDs, 5*containerIDs+containerIDs-1), // one container
		}).Draw(r, "ids")
		postings := []*postingList{new(postingList), new(postingList)}
		sets := []map[uint64]bool{make(map[uint64]bool), make(map[uint64]bool)}
		one := rapid.IntRange(0, 1)
		if rapid.Bool().Draw(r, "crowded") {
			for id := uint64(5 * containerIDs); id < 5*containerIDs+2*bitmapUnits; id += 2 {
				postings[0].add(id)
				sets[0][id] = true
			}
		}
		for range rapid.IntRange(0, 80).Draw(r, "changes") {
			i, id := one.Draw(r, "postingList"), ids.Draw(r, "id")
			if rapid.IntRange(0, 2).Draw(r, "remove") == 0 {
				postings[i].remove(id)
				delete(sets[i], id)
				continue
			}
			postings[i].add(id)
			sets[i][id] = true
		}
		from := ids.Draw(r, "from")
		checkUnion(r, postings, sets, from)
		checkUnion(r, postings[:1], sets[:1], from)
		checkUnion(r, postings[1:], sets[1:], from)
	})
}

func checkUnion(t rapid.TB, postings []*postingList, sets []map[uint64]bool, from uint64) {
	for _, descending := range []bool{false, true} {
		var got, want []uint64
		union(postings, from, descending, func(id uint64) bool {
			got = append(got, id)
			return true
		})
		for i, set := range sets {
			if n := postings[i].count; n != len(set) {
				t.Errorf("a postingList counts %d where there are %d", n, len(set))
			}
			for id := range set {
				if (id >= from) != descending || id == from {
					want = append(want, id)
				}
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		if descending {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("from %d, descending %v: got %d ids where there are %d", from, descending, len(got), len(want))
		}
	}
}

// TestContainerChangesItsForm grows a container until it becomes a bitmap, and shrinks
// it until it becomes a list again, with the same ids.
func TestContainerChangesItsForm(t *testing.T) {
	t.Parallel()
	var p postingList
	for id := range uint64(bitmapUnits + 100) {
		p.add(3 * id)
	}
	if c := &p.containers[0]; !c.isBitmap() || int(c.count) != p.count || p.count != bitmapUnits+100 {
		t.Fatalf("%d ids, %d counted in the first container, a mask: %v", p.count, c.count, c.isBitmap())
	}
	for id := range uint64(bitmapUnits + 100) {
		if id%8 != 0 {
			p.remove(3 * id)
		}
	}
	if c := &p.containers[0]; c.isBitmap() || len(c.units) != p.count {
		t.Fatalf("%d ids, a list of %d, a mask: %v", p.count, len(c.units), c.isBitmap())
	}
	next := uint64(0)
	union([]*postingList{&p}, 0, false, func(id uint64) bool {
		if id != next {
			t.Fatalf("got %d in place of %d", id, next)
		}
		next += 24
		return true
	})
	for id := range uint64(bitmapUnits + 100) {
		p.remove(3 * id)
	}
	if p.count != 0 || len(p.containers) != 0 {
		t.Errorf("%d ids and %d containers are left", p.count, len(p.containers))
	}
}
