package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/projection"
	"gatebook/storage"
)

// ErrNotFound is wrapped for a session that is not in the book.
var ErrNotFound = errors.New("not found")

// ErrInvalid is wrapped for a question that has no answer, as about a record still to
// come.
var ErrInvalid = errors.New("invalid")

// Records is the part of a log that a reader uses.
type Records interface {
	// Read is [storage.Log.Read].
	Read(after uint64, buffer []events.Record) (int, error)
	// Wait is [storage.Log.Wait].
	Wait(ctx context.Context, after uint64) error
}

// Reader reads sessions and records, wherever they are.
type Reader struct {
	// RowCost is what it costs [Reader.Counts] to read the row of an archived session; it does
	// that where it costs less than the indexes of the group. 1 is what it costs; a test
	// changes it, before the reader is used.
	RowCost uint64

	state   *projection.State
	archive *storage.Archive
	log     Records
	now     func() time.Time
	recent  recent
	turns   *calls.Turns // of the queries that visit many sessions
}

// NewReader returns a reader of a state, of the archive beside it, and of the log that
// both are folded from. now is the registry's clock.
func NewReader(state *projection.State, archive *storage.Archive, log Records, now func() time.Time) *Reader {
	return &Reader{RowCost: 1, state: state, archive: archive, log: log, now: now, turns: calls.NewTurns(0)}
}

// Session returns the session of that id, live or ended, and the moment the answer is of.
// Errors: [ErrNotFound].
func (r *Reader) Session(id uint64) (projection.View, projection.Moment, error) {
	var archived *projection.Session
	view, moment, err := r.state.Session(id, func() (err error) {
		archived, err = Archived(r.archive, id)
		return err
	})
	if err == nil && view.Session == nil {
		if view.Session = archived; archived == nil {
			err = fmt.Errorf("session %d: %w", id, ErrNotFound)
		}
	}
	return view, moment, err
}

// Lookup returns a session wherever it is; nil when there is none.
func (r *Reader) Lookup(id uint64) (*projection.Session, error) {
	if s := r.state.Lookup(id); s != nil {
		return s, nil
	}
	return Archived(r.archive, id)
}

// Archived returns a session that has left memory; nil when there is none.
func Archived(archive *storage.Archive, id uint64) (*projection.Session, error) {
	snapshot, err := archive.Snapshot()
	if err != nil {
		return nil, err
	}
	s, err := archivedIn(snapshot, id)
	return s, errors.Join(err, snapshot.Close())
}

func archivedIn(snapshot *storage.Snapshot, id uint64) (*projection.Session, error) {
	for _, table := range []string{projection.TableClosed, projection.TableLost} {
		row, err := snapshot.Get(table, projection.IDKey(id))
		if err != nil {
			return nil, err
		}
		if row != nil {
			return projection.DecodeSession(row, nil)
		}
	}
	return nil, nil
}

// Keyed returns the id of the session that a source calls by a key, 0 when there is none.
// A session that has left memory is in the archive by then.
func (r *Reader) Keyed(source, incarnation, key string) (id uint64, err error) {
	if id := r.state.IDBySourceKey(source, incarnation, key); id != 0 {
		return id, nil
	}
	snapshot, err := r.archive.Snapshot()
	if err != nil {
		return 0, err
	}
	value, err := snapshot.Get(projection.TableSourceKeys, projection.SourceKeyRow(source, incarnation, key))
	if err == nil && value != nil {
		id, err = projection.SourceKeyID(value)
	}
	return id, errors.Join(err, snapshot.Close())
}

// Observe keeps the newest records in memory, so that many followers read and decode each
// once. Batches come in the order of the log, from one goroutine at a time.
func (r *Reader) Observe(batch []events.Record) { r.recent.add(batch) }

// read reads durable records, the newest from memory.
func (r *Reader) read(after uint64, buffer []events.Record) (int, error) {
	if n := r.recent.read(after, buffer); n > 0 {
		return n, nil
	}
	return r.log.Read(after, buffer)
}

// Record returns the record of a sequence. [ErrInvalid] for one that the log has not
// reached.
func (r *Reader) Record(sequence uint64) (events.Record, error) {
	var one [1]events.Record
	n, err := r.read(sequence-1, one[:])
	if err == nil && n == 0 {
		err = errBeyond(sequence, r.state.Applied())
	}
	return one[0], err
}

func errBeyond(sequence, head uint64) error {
	return fmt.Errorf("%w: the log has no record %d yet, its last is %d", ErrInvalid, sequence, head)
}
