package index

// Interval is the time of an entry, and the sequences of its first and its last
// record.
type Interval struct {
	From, Until int64
	// Present is the last time at which the entry may have been there: Until, or later
	// where the end was noticed later. An earlier one is stored as Until.
	Present     int64
	First, Last uint64
}

// Entry is what an index keeps of one id.
type Entry struct {
	ID uint64
	Interval
	// Lost separates two kinds of entries, which a [Summary] counts apart.
	Lost bool
	// Former marks an entry that is stored under a key it once had and has no more.
	Former bool

	removed bool // in a change: it is taken out
}

// Update changes indexes.
type Update struct {
	// Entries are those that change. Those of one key are in ascending order of ID, each once.
	Entries []Entry
	Keys    []KeyUpdate
}

// KeyUpdate names the entries of an [Update] that change under one key.
type KeyUpdate struct {
	Key []byte
	// Entries are positions in Update.Entries, ascending.
	Entries []int32
	// Former are those of Entries that had the key once and are found by it no more, except
	// by a search that asks for them. Removed are those that are taken out. Both ascend.
	Former, Removed []int32
}

// Summary counts the entries below a node, and bounds their intervals.
type Summary struct {
	Closed, Lost                         uint64 // entries that are not Lost, and that are
	Former                               uint64 // entries that are Former, which the others do not count
	MinFrom, MaxFrom, MinUntil, MaxUntil int64
	MaxPresent                           int64
	MinFirst, MinLast, MaxLast           uint64
}

// Count returns the number of entries that have the key.
func (s *Summary) Count() uint64 { return s.Closed + s.Lost }

// size returns the number of all entries.
func (s *Summary) size() uint64 { return s.Closed + s.Lost + s.Former }

// add includes the entries of another summary.
func (s *Summary) add(o *Summary) {
	if o.size() == 0 {
		return
	}
	if s.size() == 0 {
		*s = *o
		return
	}
	s.Closed, s.Lost, s.Former = s.Closed+o.Closed, s.Lost+o.Lost, s.Former+o.Former
	s.MinFrom, s.MaxFrom = min(s.MinFrom, o.MinFrom), max(s.MaxFrom, o.MaxFrom)
	s.MinUntil, s.MaxUntil = min(s.MinUntil, o.MinUntil), max(s.MaxUntil, o.MaxUntil)
	s.MaxPresent = max(s.MaxPresent, o.MaxPresent)
	s.MinFirst, s.MinLast, s.MaxLast = min(s.MinFirst, o.MinFirst), min(s.MinLast, o.MinLast), max(s.MaxLast, o.MaxLast)
}

// summary returns the summary of this one entry.
func (e *Entry) summary() Summary {
	s := Summary{
		MinFrom: e.From, MaxFrom: e.From, MinUntil: e.Until, MaxUntil: e.Until, MaxPresent: e.Present,
		MinFirst: e.First, MinLast: e.Last, MaxLast: e.Last,
	}
	switch {
	case e.Former:
		s.Former = 1
	case e.Lost:
		s.Lost = 1
	default:
		s.Closed = 1
	}
	return s
}

// intersect bounds the entries that are below two nodes. It reports whether there can be any.
func (s *Summary) intersect(o *Summary) bool {
	s.Closed, s.Lost = min(s.Closed, o.Closed), min(s.Lost, o.Lost)
	s.Former = max(s.Former, o.Former) // an entry that is Former in one of them
	s.MinFrom, s.MaxFrom = max(s.MinFrom, o.MinFrom), min(s.MaxFrom, o.MaxFrom)
	s.MinUntil, s.MaxUntil = max(s.MinUntil, o.MinUntil), min(s.MaxUntil, o.MaxUntil)
	s.MaxPresent = min(s.MaxPresent, o.MaxPresent)
	s.MinFirst, s.MinLast, s.MaxLast = max(s.MinFirst, o.MinFirst), max(s.MinLast, o.MinLast), min(s.MaxLast, o.MaxLast)
	return s.MinFrom <= s.MaxFrom && s.MinUntil <= s.MaxUntil && s.MinLast <= s.MaxLast
}
