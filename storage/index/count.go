package index

import "slices"

// Count returns how many entries a search selects, without regard to its order, and without
// those that Whole excludes. Of one group whose keys are disjoint it reads the nodes of which
// some entries are wanted and some are not; of several groups the nodes of the ids that each
// of them has. Errors: [*MalformedError] and those of the rows.
func Count(rows Reader, q Search) (total uint64, err error) {
	err = CountBy(rows, q, func(*Summary) (int64, bool) { return 0, true }, func(_ int64, n uint64) { total += n })
	return total, err
}

// CountBy is Count for entries in buckets. bucket returns the one that the entries of a
// summary belong to, and false if they may belong to several. add is called with numbers to
// add up.
func CountBy(rows Reader, q Search, bucket func(*Summary) (int64, bool), add func(bucket int64, n uint64)) error {
	w := walk{Search: q, rows: rows}
	return w.eachArea(func(a *area) (below []*area, err error) {
		if n, known := w.number(a); known && w.whole(a.low(), a.high()) {
			if b, one := bucket(&a.summary); one {
				add(b, n)
				return nil, nil
			}
		}
		below, entries, err := w.read(a)
		for i := range entries {
			if e := &entries[i]; w.whole(e.ID, e.ID) {
				s := e.summary()
				b, _ := bucket(&s)
				add(b, 1)
			}
		}
		return below, err
	})
}

// CountEach is Count for each of the keys of the search's last group. If complete is set each
// entry has exactly one of the keys.
func CountEach(rows Reader, q Search, complete bool) ([]uint64, error) {
	w := walk{Search: q, rows: rows}
	last := len(q.Groups) - 1
	counts := make([]uint64, len(q.Groups[last].Keys))
	err := w.eachArea(func(a *area) ([]*area, error) {
		if w.whole(a.low(), a.high()) && w.allMatch(a, complete) {
			a.groups[last] = w.countKnown(a.groups[last], counts)
			if len(a.groups[last]) == 0 {
				return nil, nil
			}
		}
		below, err := w.descend(a)
		if err == nil && below == nil {
			w.countEntries(a, counts)
		}
		return below, err
	})
	return counts, err
}

// eachArea calls read for the area of all ids and for those that it returns.
func (w *walk) eachArea(read func(a *area) (below []*area, err error)) error {
	w.begin()
	for {
		next, ok := w.next()
		if !ok {
			return nil
		}
		below, err := read(next.area)
		if err != nil {
			return err
		}
		steps := make([]step, len(below))
		for i, c := range below {
			steps[i] = step{bound: int64(c.low()), id: c.low(), area: c}
		}
		w.push(steps)
	}
}

// allMatch reports whether all entries of an area's last group are in its other groups, as far
// as their numbers tell.
func (w *walk) allMatch(a *area, complete bool) bool {
	switch last := len(a.groups) - 1; {
	case w.Former:
		return false
	case last == 0:
		return true
	case last > 1 || !complete || len(a.groups[0]) > 1 && !w.Groups[0].Disjoint:
		return false
	default:
		some, all := sumOf(a.groups[0]), sumOf(a.groups[last])
		return some.size() > 0 && some.Closed == all.Closed && some.Lost == all.Lost
	}
}

// countKnown adds the numbers of the parts whose summaries tell how many entries are wanted,
// and returns the other parts.
func (w *walk) countKnown(parts []part, counts []uint64) (rest []part) {
	for i := range parts {
		p := &parts[i]
		if n, known := uint64(0), w.Number != nil && p.summary.size() > 0; known {
			if n, known = w.Number(&p.summary); known {
				counts[p.position] += n
				continue
			}
		}
		rest = append(rest, *p)
	}
	return rest
}

// countEntries counts the entries of an area whose entries are known.
func (w *walk) countEntries(a *area, counts []uint64) {
	last := len(a.groups) - 1
	var common []Entry
	if last > 0 {
		common = w.matching(inAll(a.groups[:last]))
	}
	for i := range a.groups[last] {
		p := &a.groups[last][i]
		others := common
		for _, e := range w.matching(slices.Clone(p.entries)) {
			for len(others) > 0 && others[0].ID < e.ID {
				others = others[1:]
			}
			if (last == 0 || len(others) > 0 && others[0].ID == e.ID) && w.whole(e.ID, e.ID) {
				counts[p.position]++
			}
		}
	}
}

func (w *walk) whole(low, high uint64) bool { return w.Whole == nil || w.Whole(low, high) }
