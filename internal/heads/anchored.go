package heads

import (
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

const (
	// anchorReadTime is how long an anchor may take for the next head while a log is opened.
	anchorReadTime = 10 * time.Second
	// recentHeads is how many of the newest heads of an anchor are remembered: more than can be malformed in a row.
	recentHeads = 16
)

// errHeadsOver ends a reading of an anchor's heads that nobody waits for any more.
var errHeadsOver = errors.New("the reading has taken too long")

// history is what an anchor keeps of a log: its heads from the last one on that is smaller than the one before it.
type history struct {
	// falls is how often a head is smaller than the one before it. A log that goes on after a restore has one.
	falls int
	// recent are the newest heads since then, oldest first.
	recent []treehead.Kept
}

// add adds the next head of the log.
func (h *history) add(k treehead.Kept) {
	if n := len(h.recent); n > 0 && k.Head.Size < h.recent[n-1].Head.Size {
		h.falls++
		h.recent = h.recent[:0]
	}
	if h.recent = append(h.recent, k); len(h.recent) > 2*recentHeads {
		h.recent = append(h.recent[:0], h.recent[recentHeads:]...)
	}
}

// checkAnchor returns an error for a log that does not contain the newest head that an anchor keeps of it, unless the log
// says since then that it was restored. An anchor that cannot be read is reported, and holds up nothing.
func (o Options) checkAnchor(keys treehead.Keys, a Anchor) error {
	if a.Kept == nil || len(keys.All) == 0 {
		return nil
	}
	read := func(f func(treehead.Kept) error) error {
		return within(anchorReadTime, a.Kept, func(k treehead.Kept) error {
			if k.Origin != keys.Origin {
				return nil // of another log that the anchor keeps heads of too
			}
			return f(k)
		})
	}
	unread := func(err error) error {
		o.Report(fmt.Errorf("the log is not compared with the heads that the anchor %s keeps: %w", a.Name, err))
		return nil
	}
	var h history
	if err := read(func(k treehead.Kept) error { h.add(k); return nil }); err != nil {
		return unread(err)
	}
	newest, why, err := o.newest(keys, h.recent)
	if err != nil {
		return unread(err)
	}
	if why == nil {
		return nil
	}
	restored, err := o.restoredSince(keys, newest, h.falls, read)
	if err != nil {
		return unread(err)
	}
	if restored {
		return nil
	}
	return o.refuse(o.Folder.Log(), fmt.Errorf("the anchor %s has a head of %d records of it (line %d), and %w", a.Name, newest.Head.Size, newest.Line, why))
}

// newest returns the newest of an anchor's heads that is well formed, and why the log does not contain it; nil where it
// does, or where there is none.
func (o Options) newest(keys treehead.Keys, recent []treehead.Kept) (k treehead.Kept, why, err error) {
	for i := len(recent) - 1; i >= 0; i-- {
		k = recent[i]
		_, err := keys.Open(k.Signed)
		if bad, ok := errors.AsType[*treehead.SignatureError](err); ok {
			if bad.Malformed {
				continue
			}
			return k, fmt.Errorf("%w: it was rolled back, or is an older copy; put the newer one back", bad), nil
		}
		if err != nil {
			return k, nil, err
		}
		why, err := o.lacks(k.Head)
		return k, why, err
	}
	return k, nil, nil
}

// lacks returns why the log does not contain a head; nil where it does.
func (o Options) lacks(head treehead.Head) (why, err error) {
	if size := o.Log.Head().Sequence; head.Size > size {
		return rolledBack(size, head.Size), nil
	}
	root, err := o.Log.RootAt(head.Size)
	if err == nil && root != head.Root {
		why = otherHistory(head.Size)
	}
	return why, err
}

// restoredSince reports whether the log says that it was restored after an anchor was given its newest head, which the
// log does not contain: it has more records log_restored than the anchor has falls, and the anchor has no head since its
// last fall that covers the last of them.
func (o Options) restoredSince(keys treehead.Keys, newest treehead.Kept, falls int, read func(func(treehead.Kept) error) error) (bool, error) {
	count, last, err := restores(o.Log)
	if err != nil || count <= falls {
		return false, err
	}
	current := keys.All[len(keys.All)-1]
	if _, err := keys.Open(newest.Signed); err == nil && current.From > last && newest.Head.Size >= current.From {
		return false, nil // the key is newer than the restore
	}
	var h history
	covered := false
	err = read(func(k treehead.Kept) error {
		before := h.falls
		if h.add(k); h.falls != before {
			covered = false
		}
		if covered || h.falls != falls || k.Head.Size < last || k.Head.Size > o.Log.Head().Sequence {
			return nil
		}
		if _, err := keys.Open(k.Signed); err != nil {
			return nil // of a key that the log does not name: it is of what was lost
		}
		why, err := o.lacks(k.Head)
		covered = err == nil && why == nil
		return err
	})
	return !covered, err
}

// restores returns how many records log_restored a log has, and the sequence of the last one. It reads all of it.
func restores(log *storage.Bolt) (count int, last uint64, err error) {
	page := make([]events.Record, 1024)
	for at := uint64(0); ; {
		n, err := log.Read(at, page)
		if err != nil || n == 0 {
			return count, last, err
		}
		for i := range page[:n] {
			if page[i].Event.Kind() == events.KindLogRestored {
				count, last = count+1, page[i].Sequence
			}
		}
		at = page[n-1].Sequence
	}
}

// within calls read, whose function is f, and returns its error. Where no head comes within a limit, as from a share
// that hangs, it is left to itself, and f is not called again.
func within(limit time.Duration, read func(func(treehead.Kept) error) error, f func(treehead.Kept) error) error {
	heads, done, over := make(chan treehead.Kept), make(chan error, 1), make(chan struct{})
	defer close(over)
	go func() {
		done <- read(func(k treehead.Kept) error {
			select {
			case heads <- k:
				return nil
			case <-over:
				return errHeadsOver
			}
		})
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case k := <-heads:
			if err := f(k); err != nil {
				return err
			}
			timer.Reset(limit)
		case err := <-done:
			return err
		case <-timer.C:
			return fmt.Errorf("no head came within %s", limit)
		}
	}
}
