package storage

import (
	"context"
	"os"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage/boltfile"
)

// Inspect checks the head of a bbolt file.
var Inspect = boltfile.Inspect

// SetCommit replaces the commit of a log's transactions.
func (o *BoltOptions) SetCommit(commit func(*bolt.Tx) error) { o.commit = commit }

// Waiting returns the number of records that wait for the next commit.
func (a *appender) Waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open.records
}

// BlockBytes is the most bytes in a block of several records.
const BlockBytes = blockBytes

// Blocks splits values into blocks.
func Blocks(buffer []byte, values [][]byte, put func(first int, block []byte) error) ([]byte, error) {
	return blocks(buffer, values, put)
}

// CutRecord splits the first record off a block.
func CutRecord(block []byte) (record, rest []byte, err error) { return cutRecord(block) }

// LockFile returns the file that holds the lock.
func (f *Folder) LockFile() *os.File { return f.lock }

// UpgradeInSteps is Upgrade with a function that is called at each step, and can end it.
func UpgradeInSteps(ctx context.Context, folder string, step func(string) error) (Upgraded, error) {
	u := &upgrader{check: newVerifier(ctx, nil), step: step}
	return u.upgrade(ctx, folder, nil)
}

// Room looks whether there is space for a commit of values of that size.
func (l *Bolt) Room(size int) error { return l.room(size) }
