package storage

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// segmentBytes is the size at which a segment is sealed, unless the options say another.
const segmentBytes = 256 << 20

// BoltOptions are the options of [OpenBolt]. The zero value is ready for use.
type BoltOptions struct {
	// Clock returns the times that are recorded. Nil means the system's clock.
	Clock func() events.Time
	// CommitHook is called after each commit; nil for none.
	CommitHook CommitHook
	// DamageHook is called with the damage that a read of the open log meets, each time; nil for
	// none. It is called by the goroutine that reads and must not block.
	DamageHook DamageHook
	// SegmentBytes is the size at which a segment is sealed and the next one begun, in
	// bytes: the commit that finds the file as large is its last. 0 means 256 MiB.
	SegmentBytes int64
	// commit replaces the commit of a transaction; tests make it fail.
	commit func(*bolt.Tx) error
}

// Bolt is a log in a folder of bbolt files, the segments, which this process owns.
type Bolt struct {
	*appender
	folder string
	id     [16]byte
	limit  int64
	chain  *chain
	tail   *tail
	trees  durableTree
	keys   durableKeys

	// writer is owned by the appending goroutine.
	writer *segmentWriter
}

// CreateBolt creates an empty log in a folder, which must not exist, and whose parent
// must.
func CreateBolt(folder string) error {
	var id [16]byte
	rand.Read(id[:]) // never fails: it ends the program where the system has no entropy
	return createLog(folder, id, nil)
}

func createLog(folder string, id [16]byte, keys []treehead.Key) error {
	if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = os.ErrExist
		}
		return fmt.Errorf("create %s: %w", folder, err)
	}
	temporary := folder + ".new"
	// A folder that an earlier attempt left was never in use.
	if err := os.RemoveAll(temporary); err != nil {
		return fmt.Errorf("create %s: %w", folder, err)
	}
	err := makeFolder(temporary)
	if err == nil {
		_, err = createSegment(temporary, id, nil, new(tree.Frontier), keys)
	}
	if err == nil {
		err = createTail(temporary, id)
	}
	if err == nil {
		err = os.Rename(temporary, folder)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", folder, errors.Join(err, os.RemoveAll(temporary)))
	}
	return boltfile.SyncFolder(filepath.Dir(folder))
}

// OpenBolt opens the log in a folder and does not change its files. It reads the newest
// segment alone. Errors: [ErrNotExist], [*InUseError], [*CorruptError],
// [*migrations.NewerError], [*migrations.OlderError] for a log that [Upgrade] has to bring up to
// date, [events.ErrNewer], [*UnusableError] for the log of a backup, all wrapped, and those of the system.
func OpenBolt(folder string, o BoltOptions) (*Bolt, error) {
	segments, err := listSegments(folder)
	if err != nil {
		return nil, err
	}
	if isThere(logMark(folder)) { // it would go on beside the log that was backed up
		of := &Folder{Path: filepath.Dir(folder)}
		return nil, &UnusableError{Folder: of.Path, Backup: true, LogAlone: !isThere(of.backupMark())}
	}
	l := &Bolt{folder: folder, limit: o.SegmentBytes, chain: &chain{segments: segments, damageHook: o.DamageHook}}
	if l.limit == 0 {
		l.limit = segmentBytes
	}
	l.writer = &segmentWriter{commits: o.commit, mapped: int(2 * l.limit)}
	if o.commit == nil {
		l.writer.commits = (*bolt.Tx).Commit
	}
	if err := l.open(segments[len(segments)-1]); err != nil {
		if inUse, ok := errors.AsType[*InUseError](err); ok {
			inUse.Folder = filepath.Dir(folder)
		}
		return nil, errors.Join(err, l.tail.close(), l.writer.close())
	}
	clock := o.Clock
	if clock == nil {
		clock = func() events.Time { return events.TimeOf(time.Now()) }
	}
	l.appender = newAppender(l, clock, l.writer.head)
	l.commitHook = o.CommitHook
	return l, nil
}

// open opens the newest segment and the file that says where the log ended.
func (l *Bolt) open(newest *segment) (err error) {
	m, err := l.writer.open(newest)
	if err != nil {
		return err
	}
	l.id = m.id
	if i := len(l.chain.segments) - 2; i >= 0 && l.chain.segments[i].first > m.previous.First {
		return notNext(filepath.Join(l.folder, segmentName(m.previous.First)), m.previous.Last, l.chain.segments[i].first)
	} else if i >= 0 && l.chain.segments[i].first != m.previous.First {
		return &CorruptError{File: l.folder, Sequence: m.previous.First, Err: fmt.Errorf(
			"%s, the segment before %s, is missing", segmentName(m.previous.First), filepath.Base(newest.path))}
	} else if i < 0 && m.previous != nil {
		return &CorruptError{File: l.folder, Sequence: m.previous.First, Err: errors.New("all segments before the newest are missing")}
	}
	if err := l.chain.link(newest, m.seal, m.previous); err != nil {
		return err
	}
	l.tail, err = openTail(l.folder, l.id)
	if err != nil {
		return err
	}
	l.trees.set(&l.writer.hashes.edge)
	l.keys.set(l.writer.keys.keys)
	return l.tail.check(l.folder, l.writer.head)
}

// ID is [Log.ID].
func (l *Bolt) ID() [16]byte { return l.id }

// Start is [Log.Start].
func (l *Bolt) Start(after uint64, deliver Deliver) error {
	if errors.Is(l.Err(), ErrClosed) {
		return ErrClosed
	}
	if err := replay(l.folder, l.chain.read, after, l.Head().Sequence, deliver); err != nil {
		return err
	}
	return l.run(deliver)
}

// Present returns an error if the newest segment was removed or replaced since it was opened.
func (l *Bolt) Present() error { return l.chain.present() }

// CheckTail returns a [*GoneError] if the file that says where the log ended was removed or replaced since it was
// opened.
func (l *Bolt) CheckTail() error {
	path := filepath.Join(l.folder, tailName)
	if err := l.tail.is.Same(path); err != nil {
		return &GoneError{File: path, Err: fmt.Errorf("%w. Without it a start cannot tell that the log has lost its end; remove what is in its place and restart the server, which makes it again", err)}
	}
	return nil
}

// Read is [Log.Read].
func (l *Bolt) Read(after uint64, buffer []events.Record) (int, error) {
	buffer, err := l.clip(after, buffer)
	if err != nil || len(buffer) == 0 {
		return 0, err
	}
	n, err := l.chain.read(after, buffer, new(events.Coder))
	return n, l.chain.met(err)
}

// commit is [store.commit]: it stores the values in one transaction of the newest segment,
// and says in the tail where the log ends now.
func (l *Bolt) commit(end Head, values [][]byte) error {
	if l.writer.sealed != nil {
		if err := l.beginSegment(); err != nil {
			return fmt.Errorf("begin a segment: %w", diskFull(err))
		}
	}
	if err := l.writer.commit(end, values, l.limit); err != nil {
		return err
	}
	l.trees.set(&l.writer.hashes.edge)
	l.keys.set(l.writer.keys.keys)
	return l.tail.write(end)
}

// beginSegment creates and opens the segment after the one that was sealed.
func (l *Bolt) beginSegment() error {
	before := l.writer.sealed
	path, err := createSegment(l.folder, l.id, before, &l.writer.hashes.edge, l.writer.keys.keys)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	next := &segment{path: path, first: before.Last + 1}
	closing := l.writer.segment
	if _, err := l.writer.open(next); err != nil {
		return err
	}
	l.chain.add(next, before)
	return closing.retire()
}

// Close is [Log.Close].
func (l *Bolt) Close() error {
	if !l.stop() {
		return nil
	}
	l.chain.close()
	if err := errors.Join(l.tail.close(), l.writer.close()); err != nil {
		return fmt.Errorf("close %s: %w", l.folder, err)
	}
	return nil
}
