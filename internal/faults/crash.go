package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// sector is the most that a disk writes as a whole, in bytes.
const sector = 512

// Crash writes into a folder, which must not exist, the files that the disk may hold if the
// power is lost now: what is durable, and of the rest what random says. The disk itself stays
// as it is.
func (d *Disk) Crash(random *rand.Rand, folder string) error {
	// Each crash has chances of its own: a disk that kept nothing and one that kept all are
	// among them, and one that wrote in order up to some moment.
	c := &crash{random: random, names: chance(random), content: chance(random), inOrder: random.IntN(3) == 0, arrived: make(map[int]bool)}
	c.until = 1 + random.IntN(d.changes+1)
	if err := c.write(d.root, folder); err != nil {
		return fmt.Errorf("write the files that a crash leaves: %w", err)
	}
	return nil
}

// chance returns the probability that something arrived: often none or all.
func chance(random *rand.Rand) float64 {
	return min(1, max(0, random.Float64()*2-0.5))
}

// crash is what one loss of power leaves.
type crash struct {
	random         *rand.Rand
	names, content float64 // the probabilities that a change arrived
	// inOrder: names and writes arrived in their order, names up to the change until.
	inOrder bool
	until   int
	// arrived are the changes of names that were decided about: those of a rename together.
	arrived map[int]bool
}

func (c *crash) write(dir *node, folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	names := maps.Clone(dir.durable)
	for _, change := range dir.pending {
		if c.has(change.change) {
			change.apply(names)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) { // so that random decides alone
		n, path := names[name], filepath.Join(folder, name)
		var err error
		if n.file == nil {
			err = c.write(n, path)
		} else {
			err = os.WriteFile(path, c.contentOf(n.file), 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// has decides whether a change of names arrived.
func (c *crash) has(change int) bool {
	if c.inOrder {
		return change < c.until
	}
	arrived, decided := c.arrived[change]
	if !decided {
		arrived = c.random.Float64() < c.names
		c.arrived[change] = arrived
	}
	return arrived
}

// contentOf returns a file's content with those sectors of its writes that arrived.
func (c *crash) contentOf(f *file) []byte {
	content := append([]byte(nil), f.durable...)
	last := len(f.pending)
	if c.inOrder {
		last = c.random.IntN(last + 1)
	}
	for i, w := range f.pending[:last] {
		torn := !c.inOrder || i == last-1
		if w.data == nil {
			if !torn || c.random.Float64() < c.content {
				content = w.apply(content)
			}
			continue
		}
		for len(w.data) > 0 {
			n := min(int64(len(w.data)), sector-w.offset%sector)
			if part := (write{w.offset, w.data[:n]}); !torn || c.random.Float64() < c.content {
				content = part.apply(content)
			}
			w = write{w.offset + n, w.data[n:]}
		}
	}
	return content
}
