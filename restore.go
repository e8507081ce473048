package gatebook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/internal/heads"
	"gatebook/internal/shell"
	"gatebook/migrations"
	"gatebook/storage"
	"gatebook/storage/index"
)

const (
	// restoredIDs is how many ids of sessions are left out at least when a log is restored.
	restoredIDs = 1_000_000
	// highestID is the highest id that a restored log may go on with. The archive's indexes end at
	// 2 to the power of 48, and a log has to have room to go on.
	highestID = index.LargestID + 1 - 1<<40
)

// RestoreOptions are the choices of [Restore].
type RestoreOptions struct {
	// By is the user that restores, for the record.
	By string
	// NextSession is the id of the next session; 0 leaves out all ids that may have been given
	// since the backup: see [NextAfterRestore].
	NextSession uint64
	// Pace is called with the bytes that were copied, of how many. Nil means that nothing is.
	Pace storage.Pace
	// Options are those of [Open].
	Options Options
}

// Restored is what a restore has done.
type Restored struct {
	// Backup is what the backup says of itself.
	Backup storage.BackupMark
	// Taken is when the backup was begun; or, where it has records of a later one that was broken
	// off, the time of its last record.
	Taken time.Time
	// Records is how many records were restored, Lost how many sessions lived then, which are
	// lost now. NextSession is the id of the next session.
	Records     uint64
	Lost        int
	NextSession uint64
	// NewKey is the key that verifies heads of the log from now on, where it is another than before; "" where the
	// log came with its key. NewKeyRecorded reports whether a record says so (key_rotated): none does where the
	// log named no key, and got its first one.
	NewKey         string
	NewKeyRecorded bool
}

// firstLog returns a time before which no log was begun: the first version is younger.
func firstLog() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }

// NextAfterRestore returns the id of the next session of a log that is restored at a time: beyond
// a million ids after the backup's last, and one for each microsecond since the backup's last
// record, which is more than a log can take. So no session that was begun after the backup has the
// id of one that is begun after the restore, and neither has one of an earlier restore of the same
// backup. The last three digits are zeros: no two restores are made in one millisecond.
//
// An archive has ids for nine years of that. So where the leap would take more than half of the ids that are
// left, it grows more slowly, and never takes all: after ten years by 200,000 a second, after twenty by 50,000,
// which is more than a log takes all that time.
func NextAfterRestore(last uint64, recorded, now time.Time) uint64 {
	const zeros = 1000
	next := last + restoredIDs
	leap := uint64(max(now.Sub(recorded), 0) / time.Microsecond)
	if next < highestID {
		room := highestID - next
		if half := float64(room / 2); float64(leap) > half {
			leap = room - uint64(half*half/float64(leap))
		}
	}
	next += leap
	return (next/zeros + 1) * zeros
}

// Restore makes a data folder of a backup, in a folder that is empty or does not exist: it copies
// and verifies the log, records log_restored, marks the sessions that lived as lost, and makes the
// archive. Until it has finished nobody can open the folder; done again it begins anew.
// Errors: [*storage.CorruptError] for a damaged backup, [*storage.InUseError], those of ctx and
// of the system.
func Restore(ctx context.Context, backup, folder string, o RestoreOptions) (*Restored, error) {
	r := newRestore(o)
	if err := r.check(backup); err != nil {
		return nil, err
	}
	// No backup goes on into it while it is copied.
	source, err := storage.LockExisting(backup)
	if err != nil {
		return nil, err
	}
	target, err := storage.LockFolder(folder)
	if err != nil {
		return nil, errors.Join(err, source.Unlock())
	}
	r.folder = target
	if err = r.check(backup); err == nil { // another backup may have gone on meanwhile
		err = target.Fill("restore")
	}
	if err == nil {
		err = r.copy(ctx, backup)
	}
	if err = errors.Join(err, source.Unlock()); err != nil {
		return nil, errors.Join(err, target.Unlock())
	}
	return &r.result, r.open(ctx)
}

// restore restores one backup.
type restore struct {
	RestoreOptions
	folder *storage.Folder // locked
	// given is the highest id that is known to have been given after the records that are restored; 0 where
	// nothing is known of those.
	given  uint64
	result Restored
}

// knownRecords notes that the log had so many records once. Each record opens one session at most.
func (r *restore) knownRecords(end storage.Head, records uint64) {
	if records > end.Sequence {
		r.given = max(r.given, end.Stream+records-end.Sequence)
	}
}

// check returns an error for a folder that is no backup, and for a next session that was there. It
// changes nothing.
func (r *restore) check(backup string) error {
	mark, head, err := storage.InspectBackup(backup)
	if err != nil {
		return err
	}
	r.result = Restored{Backup: *mark}
	return r.choose(head)
}

// CheckNextSession returns an error for an id with which no restored log may go on, whatever it has:
// [RestoreOptions.NextSession].
func CheckNextSession(next uint64) error {
	if next > highestID {
		return fmt.Errorf("the next session cannot be %d: the largest that is allowed is %d, so that the archive has room to go on", next, uint64(highestID))
	}
	return nil
}

// choose chooses the next session.
func (r *restore) choose(head storage.Head) error {
	next := r.NextSession
	if next == 0 {
		recorded := head.Recorded.Time()
		if head.Sequence == 0 { // the first record came after the backup
			recorded = r.result.Backup.Taken
			if first := firstLog(); recorded.Before(first) { // of an export it is not known
				recorded = first
			}
		}
		next = NextAfterRestore(max(head.Stream, r.given), recorded, r.Options.Now())
	}
	if next <= head.Stream || next > highestID {
		return fmt.Errorf("the next session cannot be %d: the log has sessions up to %d, and the largest that is allowed is %d, so that the archive has room to go on",
			next, head.Stream, uint64(highestID))
	}
	r.result.Records, r.result.NextSession, r.result.Taken = head.Sequence, next, r.result.Backup.Taken
	if head.Sequence > r.result.Backup.Sequence { // a later backup was broken off
		r.result.Taken = head.Recorded.Time()
	}
	return nil
}

// copy copies the backup and records that it was restored.
func (r *restore) copy(ctx context.Context, backup string) error {
	err := storage.CopyBackup(ctx, backup, r.folder, r.Pace)
	if err == nil {
		err = r.verify(ctx, backup)
	}
	if err != nil {
		return err
	}
	return r.begin(ctx)
}

// begin records that the log was restored, and signs it.
func (r *restore) begin(ctx context.Context) error {
	if err := r.record(ctx, r.event()); err != nil {
		return err
	}
	return r.sign(ctx)
}

// event returns the event of the restore, without the root of the tree.
func (r *restore) event() *events.LogRestored {
	return &events.LogRestored{
		Records: r.result.Records, Taken: events.TimeOf(r.result.Taken), NextSession: r.result.NextSession, By: r.By,
	}
}

// rootText returns the root of the tree over a log's records as log_restored has it.
func rootText(log *storage.Bolt) string {
	_, root := log.Tree()
	return fmt.Sprintf("%x", root[:])
}

// verify verifies the copy as [VerifyFolder] does the backup.
func (r *restore) verify(ctx context.Context, backup string) error {
	v, err := VerifyFolder(ctx, r.folder, nil)
	if err == nil {
		err = storage.CheckCopy(r.folder, &r.result.Backup, v)
	}
	if err != nil {
		return err
	}
	if len(v.Faults) > 0 {
		fault, copied := storage.OfBackup(backup, r.folder, v.Faults[0])
		if !copied {
			return fmt.Errorf("%w, and %s is whole: the disk of %s has changed what was written; restore to another disk", v.Faults[0], fault.File, r.folder.Path)
		}
		return fmt.Errorf("the backup is damaged: %w; gatebook verify --data %s says more. Restore another backup, or the file from a copy", fault, shell.Quote(backup))
	}
	return r.choose(v.Head)
}

// sign signs the log with a new key where the backup came without its key. The log says so.
func (r *restore) sign(ctx context.Context) error {
	keys, err := storage.KeysOf(r.folder.Log())
	if err != nil || isThere(r.folder.Key()) || len(keys.All) == 0 && !isThere(r.folder.Head()) {
		return err
	}
	r.result.NewKeyRecorded = true
	r.result.NewKey, err = heads.Force(ctx, r.folder, r.By, r.signing(), func(*storage.Bolt, heads.Found) (events.Event, error) { return nil, nil })
	return err
}

func (r *restore) signing() heads.Options {
	return heads.Options{Report: r.Options.Report, Now: r.Options.Now}
}

// record appends the event.
func (r *restore) record(ctx context.Context, e *events.LogRestored) (err error) {
	o := storage.BoltOptions{Clock: func() events.Time { return events.TimeOf(r.Options.Now()) }}
	log, err := storage.OpenBolt(r.folder.Log(), o)
	if older := (*migrations.OlderError)(nil); errors.As(err, &older) {
		if _, err = storage.Upgrade(ctx, r.folder.Log(), func(int64, int64) error { return nil }); err == nil {
			log, err = storage.OpenBolt(r.folder.Log(), o)
		}
	}
	if err != nil {
		return err
	}
	e.Root = rootText(log)
	head := log.Head().Sequence
	if err = log.Start(head, func([]events.Record) error { return nil }); err == nil {
		err = log.Append(ctx, []storage.Entry{{Record: events.Record{Event: e}, Expect: head}})
	}
	return errors.Join(err, log.Close())
}

// open opens the folder once, completes it, and gives it back.
func (r *restore) open(ctx context.Context) error {
	err := r.settle(ctx)
	if err == nil { // until then the disk can be full
		err = r.folder.Filled()
	}
	return errors.Join(err, r.folder.Unlock())
}

// settle opens the folder once, which marks as lost what lived and makes the archive.
func (r *restore) settle(ctx context.Context) error {
	registry := newRegistry(r.folder, r.Options)
	registry.restored = true
	keyed := isThere(r.folder.Key())
	if err := registry.open(ctx); err != nil {
		return errors.Join(err, registry.closeAll())
	}
	if !keyed {
		r.result.NewKey = registry.heads.Keys().Verifiers()[0]
	}
	r.result.Lost = registry.opening.Lost
	err := registry.finish()
	if err == nil {
		err = storage.RemoveReplaced(r.folder.Log())
	}
	return err
}
