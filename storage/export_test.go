package storage

import bolt "go.etcd.io/bbolt"

// Inspect looks at the head of a bbolt file by hand.
var Inspect = inspectBolt

// SetCommit replaces the commit of a log's transactions.
func (o *BoltOptions) SetCommit(commit func(*bolt.Tx) error) { o.commit = commit }

// Waiting is how many records wait for the next commit.
func (a *appender) Waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open.records
}
