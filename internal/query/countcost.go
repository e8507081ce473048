package query

import (
	"gatebook/storage"
	"gatebook/storage/index"
)

// What counting by the keys of a group costs, in rows that could be read instead: see
// BenchmarkArchive.
const (
	// fewRows are read without a look at the keys.
	fewRows = 8192
	// keyCost is the cost of a key where nothing but a time is asked for: most nodes are
	// counted together.
	keyCost = 18
	// nodeCost is the cost of a key's node of nodeFan sessions, where a filter is given.
	nodeCost = 4
	nodeFan  = 256
)

// rowsAreCheaper reports whether the rows of the total sessions that match cost less to read
// than the indexes of that many keys.
func (t *tally) rowsAreCheaper(snapshot *storage.Snapshot, total, keys uint64) (bool, error) {
	rows := total * t.reader.RowCost
	if t.unfiltered() {
		return rows <= keyCost*keys, nil
	}
	// A key can have a node where the filter has one. In each are at most nodeFan sessions, and
	// so not more keys.
	nodes, err := t.nodes(snapshot, total)
	return rows <= nodeCost*nodes*min(keys, nodeFan), err
}

// nodes returns how many nodes the total sessions that match can be in, at most.
func (t *tally) nodes(snapshot *storage.Snapshot, total uint64) (uint64, error) {
	var ends [2]uint64
	for i, order := range []index.Order{index.ByID, index.ByIDDescending} {
		q := t.search
		q.Order = order
		err := snapshot.Search(q, func(m index.Entry) (bool, error) { ends[i] = m.ID; return false, nil })
		if err != nil {
			return 0, err
		}
	}
	return min(total, (ends[1]-ends[0])/nodeFan+1), nil
}
