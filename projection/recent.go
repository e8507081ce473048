package projection

// recentKept is how many of the newest records are remembered.
const recentKept = 1 << 14

// recent remembers which sessions the newest records were of, by their sequence. It is
// guarded by the state's lock.
type recent struct {
	sessions [recentKept]uint64
}

// note remembers a record; session is 0 for one that is of no session.
func (r *recent) note(sequence, session uint64) { r.sessions[sequence%recentKept] = session }

// since returns the sessions with records after a sequence, up to the last one. It returns
// false if those are more than are remembered.
func (r *recent) since(sequence, last uint64) (ids map[uint64]struct{}, known bool) {
	if last == sequence {
		return nil, true
	}
	if last-sequence > recentKept {
		return nil, false
	}
	ids = make(map[uint64]struct{})
	for n := sequence + 1; n <= last; n++ {
		if id := r.sessions[n%recentKept]; id != 0 {
			ids[id] = struct{}{}
		}
	}
	return ids, true
}
