package gatebook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatebook/events"
	"gatebook/internal/heads"
	"gatebook/internal/journal"
	"gatebook/internal/query"
	"gatebook/migrations"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/boltfile"
)

// replayedPerSave bounds the memory of a long replay: so many records are applied before
// those that ended are written to the archive.
const replayedPerSave = 200_000

// files are the files of a data folder, opened, and the state that is folded from them.
type files struct {
	options Options
	opening OpenInfo

	folder *storage.Folder
	// restored is true where the log has just been restored from a backup.
	restored bool
	log      storage.Log
	watched  *journal.LogFile // the log's
	heads    *heads.Heads     // nil for a log that is not kept in files
	faults   *faults          // the log's
	archive  *storage.Archive
	state    *projection.State
	held     journal.Held
	// checkpoints writes the state to the archive. full is why one beside the replay was not
	// written; nil where all were.
	checkpoints *checkpointer
	full        error
	// alive has the time at which this process was last known to be alive; nil where the
	// file cannot be opened. lastAlive is that of the process before.
	alive     *aliveFile
	lastAlive events.Time
}

// openFiles opens the log and the archive, and loads the state as of the last checkpoint.
func (f *files) openFiles(ctx context.Context) (err error) {
	if f.log = f.options.Log; f.log == nil {
		if f.log, err = f.openLog(ctx); err != nil {
			f.log = nil // a nil pointer in an interface is not nil
			return err
		}
	}
	if f.alive, f.lastAlive, err = openAlive(filepath.Join(f.folder.Path, aliveName), f.log.ID()); err != nil {
		f.options.Report(err) // the records say when a session was last known to be alive
	}
	f.lastAlive = min(f.lastAlive, events.TimeOf(f.options.Now()))
	if err := f.openArchive(); err != nil || f.heads == nil {
		return err
	}
	return f.heads.Begin()
}

// openLog opens the log, or begins it where there is nothing at all yet. A log that
// is gone while its book is still there is not begun anew.
func (f *files) openLog(ctx context.Context) (storage.Log, error) {
	path := f.folder.Log()
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		for _, signed := range []string{f.folder.Head(), f.folder.Key()} {
			if isThere(signed) {
				return nil, &storage.CorruptError{File: path, Err: fmt.Errorf(
					"it is missing, but %s, which belongs to it, is there; restore the log, or move that file away to begin a new book", signed)}
			}
		}
		if isThere(f.folder.Archive()) {
			return nil, &storage.CorruptError{File: path, Err: fmt.Errorf(
				"it is missing, but %s, which was made from it, is there; restore the log, or move that file away to begin a new book", f.folder.Archive())}
		}
		if old := path + ".db"; isThere(old) {
			return nil, fmt.Errorf("%s is the log of a version before the first release, which this one does not read", old)
		}
		f.opening.New = true
		err = storage.CreateBolt(path)
	}
	if err != nil {
		return nil, err
	}
	o := storage.BoltOptions{
		Clock:        func() events.Time { return events.TimeOf(f.options.Now()) },
		CommitHook:   f.options.Committed,
		DamageHook:   f.faults.meet,
		SegmentBytes: f.options.SegmentBytes,
	}
	log, err := storage.OpenBolt(path, o)
	if older := (*migrations.OlderError)(nil); errors.As(err, &older) {
		f.opening.Upgraded, err = storage.Upgrade(ctx, path, func(copied, of int64) error {
			f.options.Upgrading(copied, of)
			return nil
		})
		if err == nil {
			log, err = storage.OpenBolt(path, o)
		}
	}
	if err != nil {
		return nil, err
	}
	f.watched = journal.Watch(log.Present)
	f.heads, err = heads.Open(heads.Options{Log: log, Folder: f.folder, Report: f.options.Report, Now: f.options.Now, AnchorEvery: f.options.AnchorEvery, Anchors: f.options.Anchors})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return log, nil
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// openArchive opens book.db and loads the state from it. A book that is missing,
// damaged or of another log is made again.
func (f *files) openArchive() error {
	err := f.loadArchive()
	var corrupt *storage.CorruptError
	var format *migrations.OtherFormatError
	if errors.As(err, &corrupt) && corrupt.File != f.folder.Archive() {
		return err // the log's
	}
	switch {
	case err == nil:
		return f.checkAhead()
	case errors.Is(err, storage.ErrNotExist):
		if f.log.Head().Sequence > 0 {
			f.opening.Rebuilt = err
		}
	case errors.As(err, &corrupt), errors.As(err, &format):
		f.opening.Rebuilt = err
		if err := os.Remove(f.folder.Archive()); err != nil {
			return fmt.Errorf("remove the book that is of no use: %w", err)
		}
	default:
		return err
	}
	err = storage.CreateArchive(f.folder.Archive(), f.log.ID(), projection.Tables())
	if errors.Is(err, ErrDiskFull) {
		f.doWithoutArchive(err)
		return nil
	}
	if err != nil {
		return err
	}
	return f.loadArchive()
}

// doWithoutArchive begins without an archive, which is made when there is space for it.
func (f *files) doWithoutArchive(why error) {
	f.opening.Rebuilt = nil
	f.archive = storage.MissingArchive(f.folder.Archive(), f.log.ID(), projection.Tables(), why)
	f.state = projection.New(f.archived())
	f.checkpoints = &checkpointer{state: f.state, archive: f.archive, log: f.log, savedAt: time.Now(), suspended: true}
}

// checkAhead refuses a log that ends before what was once read from it.
func (f *files) checkAhead() error {
	if head := f.log.Head().Sequence; f.checkpoints.position > head {
		return aheadError(f.folder, head, f.checkpoints.position)
	}
	return nil
}

// checkHistory returns an error for an archive of another history of the log: one that was
// made when another record had the sequence.
func (f *files) checkHistory(position uint64, record storage.RecordSum) error {
	if position > f.log.Head().Sequence {
		return f.checkOpenings() // checkAhead refuses the log where it is of the same history
	}
	sum, err := recordSum(f.log, position)
	if err == nil && sum != record {
		err = &storage.CorruptError{File: f.folder.Archive(), Err: fmt.Errorf("it was made from another history of the log, which had another record %d", position)}
	}
	return err
}

// comparedOpenings is how many sessions of an archive that is ahead of the log are looked up there.
const comparedOpenings = 64

// checkOpenings returns an error for an archive of another history of a log that ends before it:
// one in which a session was opened elsewhere than in the log. It compares the newest sessions
// that the log has.
func (f *files) checkOpenings() error {
	head := f.log.Head()
	for id := head.Stream; id > 0 && id+comparedOpenings > head.Stream; id-- {
		v, err := f.state.Lookup(id), error(nil)
		if v == nil {
			v, err = query.Archived(f.archive, id)
		}
		if err != nil {
			return err
		}
		if v == nil || v.First() > head.Sequence {
			continue
		}
		var one [1]events.Record
		if n, err := f.log.Read(v.First()-1, one[:]); err != nil || n == 0 {
			continue // that the log is damaged is no fault of the archive
		}
		if one[0].Session != id || one[0].Event.Kind() != events.KindSessionOpened || one[0].At() != v.Opened {
			return &storage.CorruptError{File: f.folder.Archive(), Err: fmt.Errorf("it was made from another history of the log, which opened session %d otherwise", id)}
		}
	}
	return nil
}

func (f *files) loadArchive() (err error) {
	if f.archive, err = storage.OpenArchive(f.folder.Archive(), f.log.ID(), projection.Tables()); err != nil {
		return err
	}
	snapshot, err := f.archive.Snapshot()
	if err != nil {
		return err
	}
	position, record := snapshot.Position()
	f.state, err = projection.Load(position, f.archived(), func(table string, row func(k, v []byte) error) error {
		return snapshot.Scan(table, nil, func(k, v []byte) (bool, error) { return true, row(k, v) })
	})
	if err != nil {
		err = &storage.CorruptError{File: f.folder.Archive(), Err: err}
	} else {
		err = f.checkHistory(position, record)
	}
	if err = errors.Join(err, snapshot.Close()); err != nil {
		err = errors.Join(err, f.archive.Close())
		f.archive = nil
		return err
	}
	f.checkpoints = &checkpointer{state: f.state, archive: f.archive, log: f.log, position: position, savedAt: time.Now()}
	return nil
}

// archived returns how the state finds sessions that have left memory.
func (f *files) archived() projection.ArchiveLookup {
	archive := f.archive
	return func(id uint64) (*projection.Session, error) {
		s, err := query.Archived(archive, id)
		if errors.Is(err, ErrRebuilding) {
			if held := f.held.Find(id); held != nil {
				return held, nil
			}
		}
		return s, err
	}
}

// replay applies what the checkpoint does not cover, and starts the log. A long one
// writes checkpoints on its way, one at a time beside the applying, so that ended
// sessions leave memory. Where there is no space for one they leave it all the same, and the
// archive is given up, to be made again later.
//
// It ends with the error of ctx when that ends first. Checkpoints written by then shorten the
// next replay.
func (f *files) replay(ctx context.Context, deliver storage.Deliver) error {
	f.opening.Records = f.log.Head().Sequence
	f.opening.Replayed = f.opening.Records - f.checkpoints.position
	if f.opening.Replayed > replayedPerSave {
		f.state.DeferIndex()
	}
	applied := uint64(0)
	f.options.Progress(applied, f.opening.Replayed)
	sinceSave, replaying := 0, true
	saved := make(chan error, 1)
	saved <- nil
	err := f.log.Start(f.checkpoints.position, func(batch []events.Record) error {
		if err := deliver(batch); err != nil {
			return err
		}
		if !replaying {
			f.state.IndexEnded()
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		applied += uint64(len(batch))
		f.options.Progress(applied, f.opening.Replayed)
		if sinceSave += len(batch); sinceSave < replayedPerSave {
			return nil
		}
		sinceSave = 0
		if err := f.noteSave(<-saved); err != nil {
			saved <- nil
			return err
		}
		if f.checkpoints.stopped() {
			saved <- nil
			f.checkpoints.drop()
			return nil
		}
		go func() { saved <- f.checkpoints.save() }()
		return nil
	})
	replaying = false
	f.state.IndexEnded() // what was not saved on the way
	f.state.IndexLive()
	if err = errors.Join(err, f.noteSave(<-saved)); err == nil && f.full != nil {
		f.archive.GiveUp(f.full)
	}
	return err
}

// noteSave takes note of how a checkpoint beside a replay ended. Where there was no space for it
// no other is written, and the archive is read on until the replay ends.
func (f *files) noteSave(err error) error {
	if !errors.Is(err, ErrDiskFull) {
		return err
	}
	f.full = err
	f.checkpoints.suspend()
	return nil
}

// discardArchive closes what is open, and removes the archive.
func (f *files) discardArchive() error {
	return errors.Join(f.closeAll(), boltfile.RemoveIfThere(f.folder.Archive()))
}

// release closes what is open and gives the folder back.
func (f *files) release() error { return errors.Join(f.closeAll(), f.folder.Unlock()) }

// closeAll closes what is open.
func (f *files) closeAll() error {
	var errs []error
	if f.log != nil {
		errs = append(errs, f.log.Close())
	}
	if f.archive != nil {
		errs = append(errs, f.archive.Close())
	}
	if f.alive != nil {
		errs = append(errs, f.alive.close())
	}
	f.log, f.archive, f.alive, f.heads = nil, nil, nil, nil
	return errors.Join(errs...)
}
