package gatebook

import (
	"context"
	"fmt"

	"gatebook/events"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// fold folds the records of a log into an archive that is empty. Its memory is that of the live
// sessions, and of those that ended within replayedPerSave records. It is for one goroutine.
type fold struct {
	checkpoints checkpointer
	unsaved     int // records that were applied since the last checkpoint
}

// newFold returns a fold into an archive. log gives the last record of each checkpoint.
func newFold(archive *storage.Archive, log recordReader) *fold {
	state := projection.New(func(id uint64) (*projection.Session, error) { return query.Archived(archive, id) })
	state.DeferIndex() // no query searches it
	return &fold{checkpoints: checkpointer{state: state, archive: archive, log: log}}
}

// apply applies the next records.
func (f *fold) apply(page []events.Record) error {
	if err := f.checkpoints.state.Apply(page); err != nil {
		return err
	}
	if f.unsaved += len(page); f.unsaved < replayedPerSave {
		return nil
	}
	return f.save()
}

// save makes the archive one as of the last record that was applied.
func (f *fold) save() error {
	f.unsaved = 0
	return f.checkpoints.save()
}

// foldLog folds the log into an archive that is empty, up to a sequence. After each page it calls
// passed with where it is, which returns how far to go.
func foldLog(ctx context.Context, log storage.Log, archive *storage.Archive, until uint64, passed func(at uint64) uint64) error {
	f := newFold(archive, log)
	page := make([]events.Record, healPage)
	for at := uint64(0); at < until; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := log.Read(at, page[:min(healPage, until-at)])
		if err == nil && n == 0 {
			err = fmt.Errorf("the log has no record %d", at+1)
		}
		if err == nil {
			err = f.apply(page[:n])
		}
		if err != nil {
			return err
		}
		at += uint64(n)
		until = passed(at)
	}
	return f.save()
}

// foldStored folds the log in a folder, which no process has open, into an archive that is empty.
// It reads the log of a backup and one of an older format too. pace is called with the bytes that
// were read.
func foldStored(ctx context.Context, folder string, archive *storage.Archive, pace storage.Pace) error {
	last := new(lastRecord)
	f := newFold(archive, last)
	page := make([]events.Record, 0, healPage)
	apply := func() error {
		if len(page) == 0 {
			return nil
		}
		last.record = page[len(page)-1]
		err := f.apply(page)
		page = page[:0]
		return err
	}
	var coder events.Coder
	_, _, err := storage.ReadStored(ctx, folder, pace, func(sequence uint64, stored []byte) error {
		r, err := coder.Decode(sequence, stored)
		if err != nil {
			return err
		}
		if page = append(page, r); len(page) < healPage {
			return nil
		}
		return apply()
	})
	if err == nil {
		err = apply()
	}
	if err == nil {
		err = f.save()
	}
	return err
}

// lastRecord is the log of a fold that is given the records: checkpoints read the last one alone.
type lastRecord struct{ record events.Record }

func (l *lastRecord) Read(after uint64, buffer []events.Record) (int, error) {
	if l.record.Sequence != after+1 {
		return 0, fmt.Errorf("record %d is not the last that was read, which is %d", after+1, l.record.Sequence)
	}
	buffer[0] = l.record
	return 1, nil
}
