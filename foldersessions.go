package gatebook

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"gatebook/events"
	"gatebook/internal/query"
	"gatebook/migrations"
	"gatebook/projection"
	"gatebook/storage"
)

// FolderSessions are the sessions of a data folder or a backup that no registry has open, as of the
// log's last record. A session that lives by the log is live here: nobody asks whether its
// source has gone since. It is for one goroutine.
type FolderSessions struct {
	recorded events.Time // of the last record
	queries  *query.Reader
	archive  *storage.Archive
}

// OpenFolderSessions opens the sessions of a folder that this process has locked. It reads book.db
// where that is whole and stands for the log's last record. Otherwise it folds the log into
// an archive of its own in room, an empty folder that the caller removes after Close; pace is then called
// with the bytes of the log that were read. It changes nothing in the data folder. Errors:
// [*storage.CorruptError], those of ctx and of the system.
func OpenFolderSessions(ctx context.Context, folder *storage.Folder, room string, pace storage.Pace) (*FolderSessions, error) {
	log, err := storage.DescribeLog(folder.Log())
	if err != nil {
		return nil, err
	}
	s := &FolderSessions{recorded: log.Head.Recorded}
	if s.archive, err = currentArchive(ctx, folder, log); err != nil {
		return nil, err
	}
	if s.archive == nil {
		if s.archive, err = foldInto(ctx, folder, filepath.Join(room, "book.db"), log.ID, pace); err != nil {
			return nil, err
		}
	}
	state, err := loadState(s.archive, func(id uint64) (*projection.Session, error) { return query.Archived(s.archive, id) })
	if err != nil {
		return nil, errors.Join(err, s.archive.Close())
	}
	// Only queries of the past read the log, and none is asked here.
	s.queries = query.NewReader(state, s.archive, nil, s.Now)
	return s, nil
}

// Now returns the time of the last record, up to which the durations of live sessions count. The same
// log has the same sessions whenever it is read.
func (s *FolderSessions) Now() time.Time { return s.recorded.Time() }

// All lists all sessions, in the order of their ids.
func (s *FolderSessions) All(ctx context.Context) (*Listing, error) {
	q := Query{Live: true, Closed: true, Lost: true, Order: ByID}
	l, err := s.queries.Sessions(ctx, q)
	if err != nil {
		return nil, err
	}
	return &Listing{Moment: l.Moment, Total: l.Total, Counted: l.Counted, list: l}, nil
}

// Close closes what is open.
func (s *FolderSessions) Close() error { return s.archive.Close() }

// currentArchive returns the archive of a folder if all of it can be read and it stands for the last
// record of the log, nil for another. An archive that is ahead of the log is an error: the log
// has lost records.
func currentArchive(ctx context.Context, folder *storage.Folder, log *storage.LogInfo) (*storage.Archive, error) {
	archive, err := storage.OpenArchive(folder.Archive(), log.ID, projection.Tables())
	if isUseless(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	current, err := isCurrent(ctx, folder, archive, log.Head.Sequence)
	if current && err == nil {
		return archive, nil
	}
	if isUseless(err) {
		err = nil
	}
	return nil, errors.Join(err, archive.Close())
}

// isUseless reports whether an error says that an archive has to be made again.
func isUseless(err error) bool {
	_, corrupt := errors.AsType[*storage.CorruptError](err)
	_, format := errors.AsType[*migrations.OtherFormatError](err)
	return corrupt || format || errors.Is(err, storage.ErrNotExist) || errors.Is(err, ErrRebuilding)
}

// isCurrent reports whether an archive is whole and of the record that is the log's last.
func isCurrent(ctx context.Context, folder *storage.Folder, archive *storage.Archive, head uint64) (bool, error) {
	snapshot, err := archive.Snapshot()
	if err != nil {
		return false, err
	}
	position, record := snapshot.Position()
	if err := snapshot.Close(); err != nil {
		return false, err
	}
	if position > head {
		return false, fmt.Errorf("%s ends at record %d, but %s was made from it up to record %d; restore the log, or move that file away to go on without the difference",
			folder.Log(), head, folder.Archive(), position)
	}
	if position < head {
		return false, nil
	}
	log, err := storage.OpenBolt(folder.Log(), storage.BoltOptions{})
	if err != nil {
		return false, err
	}
	sum, err := recordSum(log, position)
	if err = errors.Join(err, log.Close()); err != nil || sum != record {
		return false, err
	}
	// Damage that is met only while the sessions are written comes too late for them.
	for from := []byte(nil); ; {
		next, _, err := archive.Check(from, scrubbedRows)
		if err = errors.Join(err, ctx.Err()); err != nil || next == nil {
			return true, err
		}
		from = next
	}
}

// foldInto makes an archive of a log at a path. The log can be that of a backup, and of an older format.
func foldInto(ctx context.Context, folder *storage.Folder, path string, id [16]byte, pace storage.Pace) (*storage.Archive, error) {
	if err := storage.CreateArchive(path, id, projection.Tables()); err != nil {
		return nil, err
	}
	archive, err := storage.OpenArchive(path, id, projection.Tables())
	if err != nil {
		return nil, err
	}
	if err := foldStored(ctx, folder.Log(), archive, pace); err != nil {
		return nil, errors.Join(err, archive.Close())
	}
	return archive, nil
}
