package index

// Count returns how many entries a search selects, without regard to its order, and without
// those that Whole excludes. Of one group whose keys are disjoint it reads the nodes of which
// some entries are wanted and some are not; of several groups the nodes of the ids that each
// of them has. Errors: [*MalformedError] and those of the rows.
func Count(rows Reader, q Search) (total uint64, err error) {
	w := walk{Search: q, rows: rows}
	w.begin()
	for {
		next, ok := w.next()
		if !ok {
			return total, nil
		}
		if n, known := w.number(next.area); known && w.whole(next.area.low(), next.area.high()) {
			total += n
			continue
		}
		below, entries, err := w.read(next.area)
		if err != nil {
			return 0, err
		}
		steps := make([]step, len(below))
		for i, c := range below {
			steps[i] = step{bound: int64(c.low()), id: c.low(), area: c}
		}
		w.push(steps)
		for i := range entries {
			if w.whole(entries[i].ID, entries[i].ID) {
				total++
			}
		}
	}
}

func (w *walk) whole(low, high uint64) bool { return w.Whole == nil || w.Whole(low, high) }
