package storage

import (
	"os"

	bolt "go.etcd.io/bbolt"
)

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

// BlockBytes is how long a block of several records may be.
const BlockBytes = blockBytes

// Blocks cuts values into blocks.
func Blocks(buffer []byte, values [][]byte, put func(first int, block []byte) error) ([]byte, error) {
	return blocks(buffer, values, put)
}

// CutRecord takes the first record off a block.
func CutRecord(block []byte) (record, rest []byte, err error) { return cutRecord(block) }

// LockFile is the file that a folder is locked by.
func (f *Folder) LockFile() *os.File { return f.lock }
