package events

// Filter says which records are wanted: those that match one of each list that is not
// empty.
type Filter struct {
	Kinds []Kind
	// Sessions are ids. A session's records are found by its trail, which costs them and
	// not the log.
	Sessions []uint64
	// Sources are names. A record about a session is of the session's source.
	Sources []string
}
