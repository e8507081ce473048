package gatebook

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/internal/query"
	"gatebook/migrations"
	"gatebook/projection"
	"gatebook/storage"
)

// Info is what a data folder holds.
type Info struct {
	// Log is the identity of the log in hexadecimal, Format its format.
	Log    string `json:"log"`
	Format uint32 `json:"format"`
	// Records is the sequence of the last record, From and Until the times of the first and
	// the last one, zero where there is none.
	Records uint64    `json:"records"`
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	// NextSession is the id of the next session.
	NextSession uint64        `json:"next_session"`
	LogBytes    int64         `json:"log_bytes"`
	Segments    []SegmentInfo `json:"segments"`
	// Sessions are counted as of the last record; nil where that is not known, for the
	// reason that ArchiveFault has.
	Sessions     *SessionTotals `json:"sessions,omitempty"`
	ArchiveBytes uint64         `json:"archive_bytes"`
	Tables       []TableInfo    `json:"tables,omitempty"`
	ArchiveFault string         `json:"archive_fault,omitempty"`
}

// SegmentInfo is what [Info] holds of a segment of the log.
type SegmentInfo struct {
	File   string    `json:"file"`
	First  uint64    `json:"first"`
	Last   uint64    `json:"last"`
	Until  time.Time `json:"until,omitzero"`
	Bytes  int64     `json:"bytes"`
	Format uint32    `json:"format"`
	Sealed bool      `json:"sealed"`
}

// TableInfo is what [Info] holds of a table of the archive: Bytes are those of its keys and values.
type TableInfo struct {
	Name  string `json:"name"`
	Rows  uint64 `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// SessionTotals counts sessions by their status.
type SessionTotals struct {
	Live   uint64 `json:"live"`
	Closed uint64 `json:"closed"`
	Lost   uint64 `json:"lost"`
}

// Info describes the data folder. It reads all of the archive, and of the log what its segments
// say of themselves. Errors: [ErrClosed], [ErrNoFiles], that of ctx and those of the files.
func (r *Registry) Info(ctx context.Context) (*Info, error) {
	if !r.calls.Enter() {
		return nil, ErrClosed
	}
	defer r.calls.Leave()
	log, ok := r.log.(*storage.Bolt)
	if !ok {
		return nil, ErrNoFiles
	}
	found, err := log.Describe()
	if err != nil {
		return nil, err
	}
	i := infoOf(found)
	m := r.Moment()
	i.Sessions = totalsOf(m)
	i.ArchiveBytes = sizeOf(r.folder.Archive())
	return i, i.measure(ctx, r.archive)
}

// Describe describes a data folder that this process has locked and nobody has open. It changes
// nothing in it.
func Describe(ctx context.Context, folder *storage.Folder) (*Info, error) {
	found, err := storage.DescribeLog(folder.Log())
	if err != nil {
		return nil, err
	}
	i := infoOf(found)
	i.ArchiveBytes = sizeOf(folder.Archive())
	archive, err := storage.OpenArchive(folder.Archive(), found.ID, projection.Tables())
	if errors.Is(err, storage.ErrNotExist) {
		i.ArchiveFault = "not known: there is no book.db"
		return i, nil
	}
	if other := (*migrations.OtherFormatError)(nil); errors.As(err, &other) {
		i.ArchiveFault = "not known: " + err.Error()
		return i, nil
	}
	if err == nil {
		err = errors.Join(i.countSessions(ctx, folder, archive), i.measure(ctx, archive), archive.Close())
	}
	if corrupt := (*storage.CorruptError)(nil); errors.As(err, &corrupt) && corrupt.File == folder.Archive() {
		i.ArchiveFault, i.Sessions, i.Tables, err = "not known: "+corrupt.Error(), nil, nil, nil
	}
	return i, err
}

// infoOf returns what a log says of itself.
func infoOf(log *storage.LogInfo) *Info {
	i := &Info{
		Log: hex.EncodeToString(log.ID[:]), Records: log.Head.Sequence, NextSession: log.Head.Stream + 1,
		From: timeOf(log.First), Segments: make([]SegmentInfo, len(log.Segments)),
	}
	if log.Head.Sequence > 0 {
		i.Until = timeOf(log.Head.Recorded)
	}
	for n, s := range log.Segments {
		i.Segments[n] = SegmentInfo{File: s.File, First: s.First, Last: s.Last, Until: timeOf(s.Recorded), Bytes: s.Bytes, Format: s.Format, Sealed: s.Sealed}
		i.LogBytes += s.Bytes
		i.Format = s.Format // of the newest
	}
	return i
}

// timeOf returns a recorded time, the zero time for 0.
func timeOf(t events.Time) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return t.Time().UTC()
}

func totalsOf(m projection.Moment) *SessionTotals {
	return &SessionTotals{Live: uint64(m.Live), Closed: m.Closed, Lost: m.Lost}
}

// measure adds the sizes of the archive's tables.
func (i *Info) measure(ctx context.Context, archive *storage.Archive) error {
	sizes, err := archive.Measure(ctx)
	if errors.Is(err, ErrRebuilding) {
		i.ArchiveFault = err.Error()
		return nil
	}
	for _, t := range sizes {
		i.Tables = append(i.Tables, TableInfo(t))
	}
	return err
}

// countSessions counts the sessions as of the last record: those of the last checkpoint, and
// what the records after it have changed.
func (i *Info) countSessions(ctx context.Context, folder *storage.Folder, archive *storage.Archive) error {
	state, err := loadState(archive, func(id uint64) (*projection.Session, error) { return query.Archived(archive, id) })
	if err != nil {
		return err
	}
	log, err := storage.OpenBolt(folder.Log(), storage.BoltOptions{})
	if err != nil {
		return err
	}
	at, _ := state.Sequence()
	head := log.Head().Sequence
	if at > head {
		err = fmt.Errorf("the log ends at record %d, but %s was made from it up to record %d", head, folder.Archive(), at)
	}
	for page := make([]events.Record, healPage); at < head && err == nil; {
		var n int
		if n, err = log.Read(at, page); err == nil && n == 0 {
			err = fmt.Errorf("the log has no record %d", at+1)
		}
		if err == nil {
			err = errors.Join(state.Apply(page[:n]), ctx.Err())
		}
		at += uint64(n)
	}
	i.Sessions = totalsOf(state.Moment())
	return errors.Join(err, log.Close())
}

// loadState returns the state as of an archive's last checkpoint.
func loadState(archive *storage.Archive, archived projection.ArchiveLookup) (*projection.State, error) {
	snapshot, err := archive.Snapshot()
	if err != nil {
		return nil, err
	}
	position, _ := snapshot.Position()
	state, err := projection.Load(position, archived, func(table string, row func(k, v []byte) error) error {
		return snapshot.Scan(table, nil, func(k, v []byte) (bool, error) { return true, row(k, v) })
	})
	return state, errors.Join(err, snapshot.Close())
}
