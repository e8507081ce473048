package gatebook

import (
	"context"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// Kill asks for the end of a session, for by and with why as its reason, and waits
// until its source has closed it and that is on the record. Asking again for
// what was asked already only waits. Conditions are for a session that has not
// ended.
//
// It returns the session as it is then: still live when ctx ended first, which is
// no error, because the source will act as soon as it can. Errors: [ErrNotFound],
// [*EndedError] when it had ended before, those of the conditions and of appending.
func (r *Registry) Kill(ctx context.Context, id uint64, by, why string, only ...Condition) (projection.View, error) {
	ended := r.watch(id)
	defer r.unwatch(id, ended)
	err := r.append(ctx, func() ([]storage.Entry, error) {
		s, err := r.killable(id, only)
		if err != nil {
			return nil, err
		}
		if s.Stage == projection.Stopping {
			return nil, nil
		}
		return []storage.Entry{entry(id, &events.KillRequested{By: by, Why: why})}, nil
	})
	if err != nil {
		return projection.View{}, err
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
	view, _, err := r.Session(id)
	return view, err
}

// watch returns a channel that is closed when the session ends.
func (r *Registry) watch(id uint64) chan struct{} {
	c := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended[id] = append(r.ended[id], c)
	return c
}

func (r *Registry) unwatch(id uint64, c chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.ended[id] {
		if other == c {
			r.ended[id] = append(r.ended[id][:i], r.ended[id][i+1:]...)
			break
		}
	}
	if len(r.ended[id]) == 0 {
		delete(r.ended, id)
	}
}

// Session returns the session of that id, live or ended, and the moment it is
// of. [ErrNotFound] when there is none.
func (r *Registry) Session(id uint64) (projection.View, projection.Moment, error) {
	var archived *projection.Session
	view, moment, err := r.state.Session(id, func() (err error) {
		archived, err = r.archived(id)
		return err
	})
	if err == nil && view.Session == nil {
		if view.Session = archived; archived == nil {
			err = ErrNotFound
		}
	}
	return view, moment, err
}
