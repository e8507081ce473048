package query

import (
	"sync"

	"gatebook/events"
)

// recentRecords is how many of the newest records are kept in memory.
const recentRecords = 1 << 12

// recent are the newest records of the log, so that many followers read and
// decode each record once. The zero value is empty.
type recent struct {
	mu   sync.RWMutex // guards the fields below
	ring [recentRecords]events.Record
	last uint64 // sequence of the newest; that of sequence s is at s % recentRecords
	held uint64 // how many there are
}

// add keeps the next records of the log.
func (t *recent) add(batch []events.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range batch {
		if batch[i].Sequence != t.last+1 {
			t.held = 0 // the first, where a log is followed from the middle on
		}
		t.last = batch[i].Sequence
		t.ring[t.last%recentRecords] = batch[i]
		t.held = min(t.held+1, recentRecords)
	}
}

// read copies the records after a sequence into a buffer, and returns how many:
// none where the first of them is not in memory.
func (t *recent) read(after uint64, buffer []events.Record) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if after >= t.last || after+t.held < t.last {
		return 0
	}
	n := min(uint64(len(buffer)), t.last-after)
	for i := range n {
		buffer[i] = t.ring[(after+1+i)%recentRecords]
	}
	return int(n)
}
