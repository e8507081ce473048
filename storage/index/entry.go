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
	// Removed marks an entry of an [Update] that is taken out.
	Removed bool
}

// Update changes indexes.
type Update struct {
	// Entries are those that change, in ascending order of ID, each once.
	Entries []Entry
	// Keys lists the keys of each entry. To remove an entry, list every key it was
	// stored under.
	Keys []KeyUpdate
}

// KeyUpdate names the entries of an [Update] that change under one key.
type KeyUpdate struct {
	Key []byte
	// Entries are positions in Update.Entries, ascending.
	Entries []int32
}

// Summary counts the entries below a node, and bounds their intervals.
type Summary struct {
	Closed, Lost                         uint64 // entries that are not Lost, and that are
	MinFrom, MaxFrom, MinUntil, MaxUntil int64
	MaxPresent                           int64
	MinFirst, MinLast, MaxLast           uint64
}

// Count returns the number of entries.
func (s *Summary) Count() uint64 { return s.Closed + s.Lost }

// add includes the entries of another summary.
func (s *Summary) add(o *Summary) {
	if o.Count() == 0 {
		return
	}
	if s.Count() == 0 {
		*s = *o
		return
	}
	s.Closed, s.Lost = s.Closed+o.Closed, s.Lost+o.Lost
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
	if e.Lost {
		s.Lost = 1
	} else {
		s.Closed = 1
	}
	return s
}
