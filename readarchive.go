package gatebook

import (
	"errors"

	"gatebook/projection"
	"gatebook/storage"
)

// archived returns a session that has left memory; nil when there is none.
func (r *Registry) archived(id uint64) (*projection.Session, error) {
	snapshot, err := r.book.Snapshot()
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
