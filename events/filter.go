package events

// Filter selects records. A record matches if it has one of the values of each list
// that is not empty.
type Filter struct {
	Kinds []Kind
	// Sessions are ids. The records of a session are found by its trail, so that the
	// log need not be searched.
	Sessions []uint64
	// Sources are names. A record about a session belongs to the session's source.
	Sources []string
}
