package gateway

import (
	"encoding/json"
	"slices"
	"sync"
)

// logEntry is an entry of the gateway's log.
type logEntry map[string]any

// logEntries keeps the entries of a log, which are written one at a time.
type logEntries struct {
	mu   sync.Mutex
	list []logEntry
}

// Write takes one entry.
func (l *logEntries) Write(b []byte) (int, error) {
	var e logEntry
	if err := json.Unmarshal(b, &e); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
	return len(b), nil
}

// with returns the entries that have that field.
func (l *logEntries) with(field string) []logEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.list), func(e logEntry) bool {
		_, has := e[field]
		return !has
	})
}
