package projection

// LiveCounts counts the live sessions of one service by their stage, which is the index.
type LiveCounts [Stopping + 1]uint64

// LiveCounts counts the live sessions by service and stage. It visits each of them, without
// a lock, so that whoever counts keeps no writer waiting: sessions that change meanwhile
// are counted as they were or as they are.
func (s *State) LiveCounts() map[string]LiveCounts {
	all := make(map[string]LiveCounts)
	for _, p := range s.live.directory().pages {
		for i := range p.slots {
			if v := p.slots[i].Load(); v != nil {
				service := v.origin.Value().Service
				of := all[service]
				of[v.Stage]++
				all[service] = of
			}
		}
	}
	return all
}
