package index

import (
	"cmp"
	"slices"
)

// area is a range of ids in which every group of a search can have entries. The key of its
// place is not used.
type area struct {
	place
	groups  [][]part
	summary Summary // bounds the entries that all groups have; zero in the area of all ids
}

// part is what one index has in an area.
type part struct {
	key      []byte
	position int // of the key in its group
	summary  Summary
	// entries are those of the index in the area, in ascending order of id, once a leaf with
	// them was read. The index has no node at the area's place then.
	entries []Entry
}

// read reads the nodes of an area. It returns the areas below that can have what is wanted,
// in ascending order, or the entries that are, where all are known. The latter are used until
// the next call.
func (w *walk) read(a *area) (below []*area, entries []Entry, err error) {
	if len(a.groups) == 1 && len(a.groups[0]) == 1 && a.groups[0][0].entries == nil {
		return w.readOne(a)
	}
	below, err = w.descend(a)
	if err != nil || below != nil {
		return below, nil, err
	}
	return nil, w.matching(inAll(a.groups)), nil
}

// descend reads the nodes of an area. It returns the areas below that can have what is
// wanted, in ascending order; nil if the entries of all parts are known then.
func (w *walk) descend(a *area) ([]*area, error) {
	branches := false
	children := make([][][]child, len(a.groups))
	for g, parts := range a.groups {
		children[g] = make([][]child, len(parts))
		for i := range parts {
			p := &parts[i]
			if p.entries != nil {
				continue
			}
			if err := w.readNode(a.place, p.key); err != nil {
				return nil, err
			}
			if children[g][i] = w.node.children; w.node.children == nil {
				p.entries = append(make([]Entry, 0, len(w.node.entries)), w.node.entries...)
			}
			branches = branches || w.node.children != nil
		}
	}
	if !branches {
		return nil, nil
	}
	return append(make([]*area, 0, fan), w.divide(a, children)...), nil
}

// readOne is read for the area of one index.
func (w *walk) readOne(a *area) (below []*area, entries []Entry, err error) {
	key := a.groups[0][0].key
	if err := w.readNode(a.place, key); err != nil {
		return nil, nil, err
	}
	for i := range w.node.children {
		c := &w.node.children[i]
		if w.wanted(&c.summary) {
			below = append(below, &area{
				place: a.child(c.slot), summary: c.summary, groups: [][]part{{{key: key, summary: c.summary}}},
			})
		}
	}
	return below, w.matching(w.node.entries), nil
}

// readNode reads the node that an index has at a place into w.node.
func (w *walk) readNode(at place, key []byte) error {
	at.key = key
	w.row = at.appendRow(w.row[:0])
	return w.node.read(w.rows, w.row, at)
}

// divide returns the areas below an area. children are those of the nodes at its place, beside
// the parts of its groups; a part without any has entries.
func (w *walk) divide(a *area, children [][][]child) (all []*area) {
	slots := make([][fan][]part, len(a.groups))
	for g, parts := range a.groups {
		for i := range parts {
			intoSlots(&slots[g], a.place, &parts[i], children[g][i])
		}
	}
	for slot := range fan {
		below := &area{place: a.child(byte(slot)), groups: make([][]part, 0, len(a.groups))}
		for g := range slots {
			group := slots[g][slot]
			sum := sumOf(group)
			if sum.size() == 0 {
				break
			}
			if g == 0 {
				below.summary = sum
			} else if !below.summary.intersect(&sum) {
				break
			}
			below.groups = append(below.groups, group)
		}
		if len(below.groups) == len(a.groups) && w.wanted(&below.summary) {
			all = append(all, below)
		}
	}
	return all
}

// intoSlots divides what one index has at a place into the slots there.
func intoSlots(slots *[fan][]part, at place, p *part, children []child) {
	for i := range children {
		if c := &children[i]; c.summary.size() > 0 {
			slots[c.slot] = append(slots[c.slot], part{key: p.key, position: p.position, summary: c.summary})
		}
	}
	for rest := p.entries; len(rest) > 0; {
		slot, n := slotOf(rest[0].ID, at.level), 1
		for n < len(rest) && slotOf(rest[n].ID, at.level) == slot {
			n++
		}
		here := rest[:n:n]
		slots[slot] = append(slots[slot], part{key: p.key, position: p.position, summary: (&node{entries: here}).summary(), entries: here})
		rest = rest[n:]
	}
}

// sumOf sums up the parts of a group.
func sumOf(group []part) (sum Summary) {
	for i := range group {
		sum.add(&group[i].summary)
	}
	return sum
}

// wanted reports whether an area or an entry of that summary can be wanted.
func (w *walk) wanted(s *Summary) bool {
	return (s.Count() > 0 || w.Former && s.Former > 0) && w.Match(s)
}

// matching removes from a list, in place, the entries that are not wanted.
func (w *walk) matching(entries []Entry) []Entry {
	return slices.DeleteFunc(entries, func(e Entry) bool {
		s := e.summary()
		return !w.wanted(&s)
	})
}

// number returns how many entries of an area are wanted. It returns false if that takes a
// look at them.
func (w *walk) number(a *area) (uint64, bool) {
	if w.Number == nil || w.Former || len(a.groups) != 1 || a.summary.size() == 0 {
		return 0, false
	}
	if len(a.groups[0]) > 1 && !w.Groups[0].Disjoint {
		return 0, false
	}
	return w.Number(&a.summary)
}

// inAll returns the entries that each group has, in ascending order of id. One that is Former
// in any of them is Former. It may use the memory of the first group's entries.
func inAll(groups [][]part) []Entry {
	all := inAny(groups[0])
	for _, parts := range groups[1:] {
		other := inAny(parts)
		kept := all[:0]
		for _, e := range all {
			for len(other) > 0 && other[0].ID < e.ID {
				other = other[1:]
			}
			if len(other) > 0 && other[0].ID == e.ID {
				e.Former = e.Former || other[0].Former
				kept = append(kept, e)
			}
		}
		all = kept
	}
	return all
}

// inAny returns the entries that any part has, each once, in ascending order of id. One that
// is not Former in one of them is not Former.
func inAny(parts []part) []Entry {
	if len(parts) == 1 {
		return slices.Clone(parts[0].entries)
	}
	var all []Entry
	for i := range parts {
		all = append(all, parts[i].entries...)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	kept := all[:0]
	for _, e := range all {
		if n := len(kept); n > 0 && kept[n-1].ID == e.ID {
			kept[n-1].Former = kept[n-1].Former && e.Former
			continue
		}
		kept = append(kept, e)
	}
	return kept
}
