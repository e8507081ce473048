package gatebook

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

const (
	// saveEvery is how many records a checkpoint may be behind when there is time,
	// saveAfter how old it may grow while there is anything to write, and saveInterval
	// how often that is looked at.
	saveEvery    = 10_000
	saveAfter    = time.Minute
	saveInterval = time.Second
	// savePause is how many times as long as the last checkpoint took the next one waits
	// at least: under load they take no more than a fifth of one core.
	savePause = 4
	// saveRetry is how long a checkpoint that failed is not tried again, at first, and
	// saveRetryMost the most that this grows to by doubling.
	saveRetry     = time.Second
	saveRetryMost = time.Minute
)

// checkpointer writes what changed in the state to the book.
type checkpointer struct {
	state   *projection.State
	archive *storage.Archive
	log     recordReader

	// writing is held while a checkpoint is written; it guards the fields below.
	writing   sync.Mutex
	suspended bool   // no checkpoint is written: the archive is being made again
	position  uint64 // the sequence the book stands for
	savedAt   time.Time
	took      time.Duration // the last one
	failed    error         // why the last one could not be written, nil when it could
	retry     time.Duration // how long to leave a failing one alone
	retryAt   time.Time
}

// saveIfDue writes a checkpoint if it is time for one. It returns an error only when
// that failed otherwise than the last time: a book that cannot be written is reported
// once, and tried again less and less often.
func (c *checkpointer) saveIfDue() error {
	head, _ := c.state.Sequence()
	c.writing.Lock()
	defer c.writing.Unlock()
	now := time.Now()
	behind, age := head-c.position, now.Sub(c.savedAt)
	if behind == 0 || age < savePause*c.took || behind < saveEvery && age < saveAfter || now.Before(c.retryAt) {
		return nil
	}
	before := c.failed
	if err := c.write(); err != nil && (before == nil || before.Error() != err.Error()) {
		return err
	}
	return nil
}

// save writes a checkpoint now.
func (c *checkpointer) save() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.write()
}

// err returns why the last checkpoint could not be written, nil when it could.
func (c *checkpointer) err() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.failed
}

// suspend leaves checkpoints unwritten until resume, and returns the sequence of the last one.
func (c *checkpointer) suspend() uint64 {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.suspended = true
	return c.position
}

// stopped reports whether no checkpoints are written.
func (c *checkpointer) stopped() bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.suspended
}

// behind returns how many records were applied since the last checkpoint.
func (c *checkpointer) behind() uint64 {
	head, _ := c.state.Sequence()
	c.writing.Lock()
	defer c.writing.Unlock()
	return head - c.position
}

// handOver gives up what changed since the last checkpoint, because the archive that is
// being made will have it. It returns the sequence up to which that archive has to go.
func (c *checkpointer) handOver() uint64 {
	c.writing.Lock()
	defer c.writing.Unlock()
	p := c.state.Checkpoint()
	c.state.Saved(p)
	c.position = p.Position
	return p.Position
}

// drop gives up what changed since the last checkpoint, while the log is replayed without an
// archive.
func (c *checkpointer) drop() {
	c.writing.Lock()
	defer c.writing.Unlock()
	p := c.state.Checkpoint()
	c.state.Dropped(p)
	c.position = p.Position
}

func (c *checkpointer) resume() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.suspended, c.failed, c.retryAt = false, nil, time.Time{}
}

// write writes what changed since the last checkpoint, in one transaction. Its caller
// holds writing.
func (c *checkpointer) write() error {
	begun := time.Now()
	if c.suspended {
		return nil
	}
	p := c.state.Checkpoint()
	if p.Position == c.position {
		c.state.Saved(p)
		return nil
	}
	rows := p.Rows()
	changes := make([]storage.Change, len(rows))
	for i, row := range rows {
		changes[i] = storage.Change(row)
	}
	indexes, err := indexUpdate(p)
	var record storage.RecordSum
	if err == nil {
		record, err = recordSum(c.log, p.Position)
	}
	if err == nil {
		err = c.archive.Commit(p.Position, record, changes, indexes)
	}
	if err != nil {
		c.state.NotSaved(p)
		c.failed = fmt.Errorf("checkpoint: %w", err)
		c.retry = min(max(2*c.retry, saveRetry), saveRetryMost)
		c.retryAt = time.Now().Add(c.retry)
		return c.failed
	}
	c.state.Saved(p)
	c.failed, c.retry, c.retryAt = nil, 0, time.Time{}
	c.position, c.savedAt, c.took = p.Position, time.Now(), time.Since(begun)
	return nil
}

// recordReader is the part of a log that checkpoints use.
type recordReader interface {
	// Read is [storage.Log.Read].
	Read(after uint64, buffer []events.Record) (int, error)
}

// recordSum returns the hash of the record of a sequence, zeros for 0. An archive is of the
// history that has this record there.
func recordSum(log recordReader, sequence uint64) (storage.RecordSum, error) {
	if sequence == 0 {
		return storage.RecordSum{}, nil
	}
	var one [1]events.Record
	n, err := log.Read(sequence-1, one[:])
	if err == nil && n == 0 {
		err = fmt.Errorf("the log has no record %d", sequence)
	}
	if err != nil {
		return storage.RecordSum{}, err
	}
	return sha256.Sum256(events.Append(nil, &one[0], func([]byte) {})), nil
}

// indexUpdate returns the checkpoint's changes to the indexes, as storage takes them.
func indexUpdate(c *projection.Checkpoint) (index.Update, error) {
	entries, keys, err := c.IndexEntries()
	u := index.Update{Entries: make([]index.Entry, len(entries)), Keys: make([]index.KeyUpdate, len(keys))}
	for i, e := range entries {
		u.Entries[i] = index.Entry{
			ID: e.ID, Lost: e.Lost,
			Interval: index.Interval{From: int64(e.From), Until: int64(e.Until), Present: int64(e.Present), First: e.First, Last: e.Last},
		}
	}
	for i, k := range keys {
		u.Keys[i] = index.KeyUpdate(k)
	}
	return u, err
}
