package gatebook

import (
	"context"
	"fmt"

	"gatebook/events"
	"gatebook/internal/heads"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/boltfile"
)

// ForcedKey is what [ForceKey] has done.
type ForcedKey struct {
	// Verifier is the key that verifies heads of the log from now on.
	Verifier string
	// NextSession is the id of the next session, Lost how many sessions lived, which are lost now. Both are 0 where
	// the log has all of its records, as its head shows, and only the key was lost.
	NextSession uint64
	Lost        int
}

// ForceKey signs the log of a folder, which nobody has open, as it is, with a new key: its key or head was lost, or it
// was rolled back. The log says so in a record (key_rotated).
//
// A log that was rolled back has given ids of sessions after its last record. So ForceKey does what [Restore] does:
// it records log_restored, leaves out the ids that may have been given, and marks the sessions that lived as lost. It
// does not where only the key was lost and the log contains its head. A folder that no server may use is refused
// ([*storage.UnusableError]).
func ForceKey(ctx context.Context, folder *storage.Folder, o RestoreOptions) (*ForcedKey, error) {
	if err := folder.CheckUsable(); err != nil {
		return nil, err
	}
	f := &force{restore: newRestore(o)}
	f.folder = folder
	key, err := heads.Force(ctx, folder, f.By, f.signing(), f.decide)
	if err != nil {
		return nil, err
	}
	done := &ForcedKey{Verifier: key}
	if !f.restored {
		return done, nil
	}
	if f.ahead { // it is of records that the log does not have
		err = boltfile.RemoveIfThere(folder.Archive())
	}
	if err == nil {
		err = f.settle(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("the log is signed with a new key (%s), and the book could not be opened then: %w", key, err)
	}
	done.NextSession, done.Lost = f.result.NextSession, f.result.Lost
	return done, nil
}

// force is a restore of a log in its own folder.
type force struct {
	*restore
	restored bool // the log may lack records, and says so
	ahead    bool // the archive has records that the log lacks
}

// decide returns log_restored for a log that may lack records that it had, nil for one that has them all.
func (f *force) decide(log *storage.Bolt, found heads.Found) (events.Event, error) {
	end := log.Head()
	position, err := storage.ArchivePosition(f.folder.Archive(), log.ID(), projection.Tables())
	if err == nil { // one that is missing, damaged or of another log says nothing
		f.ahead = position > end.Sequence
		f.knownRecords(end, position)
	}
	if f.restored = f.ahead || !found.OnlyKeyLost; !f.restored {
		return nil, nil
	}
	f.knownRecords(end, found.Head.Size)
	f.result.Backup = storage.BackupMark{Sequence: end.Sequence, Recorded: end.Recorded, Taken: end.Recorded.Time()}
	if err := f.choose(end); err != nil {
		return nil, err
	}
	e := f.event()
	e.Root = rootText(log)
	return e, nil
}
