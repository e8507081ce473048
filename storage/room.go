package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"gatebook/storage/boltfile"
)

const (
	// roomInterval is how often a log whose disk is full looks whether there is space again. A client that goes
	// by /ready sends nothing while the log is not ready, so that no append would find out.
	roomInterval = time.Second
	// roomBytes is what a commit takes at most beside twice its values: the pages above its records, those of
	// the hashes and of free pages, and a new segment.
	roomBytes = 512 << 10
	// roomName is the name of the file that is written to find out.
	roomName = "room.new"
)

// await blocks until there is an append, or the log is closed: then it returns false. While the disk is full it looks
// for space at intervals. It is called by the appending goroutine, so that no commit fails meanwhile.
func (a *appender) await() bool {
	for a.lacking > 0 {
		timer := time.NewTimer(roomInterval)
		select {
		case _, open := <-a.wake:
			timer.Stop()
			return open
		case <-timer.C:
		}
		if a.store.room(a.lacking) == nil {
			a.noteRoom()
		}
	}
	_, open := <-a.wake
	return open
}

// noteRoom forgets that the disk was full.
func (a *appender) noteRoom() {
	a.lacking = 0
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.permanent {
		a.failure = nil
	}
}

// sizeOf returns how many bytes values have.
func sizeOf(values [][]byte) (size int) {
	for _, v := range values {
		size += len(v)
	}
	return size
}

// room is [store.room]. It writes as much as a commit could take to a file that nobody else sees, and syncs it: the
// free space that a file system names does not count quotas, nor what is reserved.
func (l *Bolt) room(size int) error {
	need := int64(roomBytes + 2*size)
	var disk unix.Statfs_t
	if err := unix.Statfs(l.folder, &disk); err == nil && int64(disk.Bfree)*int64(disk.Bsize) < need {
		return ErrDiskFull // what others write meanwhile is not to fail over this file
	}
	path := filepath.Join(l.folder, roomName)
	err := boltfile.RemoveIfThere(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(os.Remove(path), fill(f, need), f.Close())
	}
	if err != nil {
		return fmt.Errorf("look for space for %d bytes in %s: %w", need, l.folder, diskFull(err))
	}
	return nil
}

// fill writes a number of bytes to a file that no file system stores as a hole, and syncs it.
func fill(f *os.File, size int64) error {
	piece := make([]byte, 64<<10)
	for i := range piece {
		piece[i] = byte(i*i>>3 + i)
	}
	for size > 0 {
		n, err := f.Write(piece[:min(size, int64(len(piece)))])
		if err != nil {
			return err
		}
		size -= int64(n)
	}
	return f.Sync()
}
