package projection

import (
	"bytes"
	"slices"
)

// networkChunk is how many networks are kept in one piece of memory: a new one moves no more.
const networkChunk = 512

// networkSet holds networks of one length in the order of their first addresses. The zero
// value is empty.
type networkSet struct {
	chunks [][]network // none is empty
}

// network is a term that stands for a network, with its first address.
type network struct {
	first [16]byte
	term  term
}

func compareNetworks(a, b network) int { return bytes.Compare(a.first[:], b.first[:]) }

func newNetwork(t term) network {
	n := network{term: t}
	copy(n.first[:], t.value)
	return n
}

// chunk returns the position of the chunk that a network belongs to.
func (s *networkSet) chunk(n network) int {
	i, found := slices.BinarySearchFunc(s.chunks, n, func(c []network, n network) int { return compareNetworks(c[0], n) })
	if !found {
		i--
	}
	return max(i, 0)
}

func (s *networkSet) add(t term) {
	n := newNetwork(t)
	if len(s.chunks) == 0 {
		s.chunks = [][]network{{n}}
		return
	}
	i := s.chunk(n)
	at, found := slices.BinarySearchFunc(s.chunks[i], n, compareNetworks)
	if found {
		return
	}
	s.chunks[i] = slices.Insert(s.chunks[i], at, n)
	if c := s.chunks[i]; len(c) > networkChunk {
		half := len(c) / 2
		s.chunks = slices.Insert(s.chunks, i+1, slices.Clone(c[half:]))
		s.chunks[i] = slices.Clip(c[:half])
	}
}

func (s *networkSet) remove(t term) {
	if len(s.chunks) == 0 {
		return
	}
	n := newNetwork(t)
	i := s.chunk(n)
	at, found := slices.BinarySearchFunc(s.chunks[i], n, compareNetworks)
	if !found {
		return
	}
	if s.chunks[i] = slices.Delete(s.chunks[i], at, at+1); len(s.chunks[i]) == 0 {
		s.chunks = slices.Delete(s.chunks, i, i+1)
	}
}

// between calls visit for the networks whose first address is from low to high, until it
// returns false.
func (s *networkSet) between(low, high [16]byte, visit func(term) bool) {
	if len(s.chunks) == 0 {
		return
	}
	lowest := network{first: low}
	for i := s.chunk(lowest); i < len(s.chunks); i++ {
		at, _ := slices.BinarySearchFunc(s.chunks[i], lowest, compareNetworks)
		for _, n := range s.chunks[i][at:] {
			if bytes.Compare(n.first[:], high[:]) > 0 || !visit(n.term) {
				return
			}
		}
	}
}
