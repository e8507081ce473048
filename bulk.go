package gatebook

import (
	"context"
	"fmt"
	"slices"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// LiveSessions are the ids of the live sessions of a service, in ascending order, and
// the moment they are of: its Sessions is the last change of any session of the service.
// [ErrNotFound] when there is no such service.
func (r *Registry) LiveSessions(service string) ([]uint64, projection.Moment, error) {
	if s, _ := r.state.Service(service); s == nil {
		return nil, projection.Moment{}, fmt.Errorf("service %q: %w", service, ErrNotFound)
	}
	found, err := r.Sessions(Query{Live: true, Filter: projection.Filter{Services: []string{service}}})
	if err != nil {
		return nil, projection.Moment{}, err
	}
	var ids []uint64
	for v, err := range found.All() {
		if err != nil {
			return nil, projection.Moment{}, err
		}
		ids = append(ids, v.ID)
	}
	return ids, found.Moment, nil
}

// KillAll asks for the end of sessions, for by and with why as the reason, and waits
// until they have ended or ctx ends. It returns how many have, and how many have not
// yet. Those that have ended before count as ended; ids must ascend.
func (r *Registry) KillAll(ctx context.Context, ids []uint64, by, why string) (closed, pending int, err error) {
	ended := make([]chan struct{}, len(ids))
	for i, id := range ids {
		ended[i] = r.watch(id)
	}
	defer func() {
		for i, id := range ids {
			r.unwatch(id, ended[i])
		}
	}()
	// What is asked for is asked for whole, even if the one who asks does not wait.
	asking := context.WithoutCancel(ctx)
	for chunk := range slices.Chunk(ids, settleChunk) {
		if err := r.requestAll(asking, chunk, by, why); err != nil {
			return 0, 0, err
		}
	}
	for i, id := range ids {
		s, err := r.look(id)
		if err != nil {
			return 0, 0, err
		}
		if s == nil || s.Status != projection.Live {
			closed++
			continue
		}
		select {
		case <-ended[i]:
			closed++
		case <-ctx.Done():
			select {
			case <-ended[i]:
				closed++
			default:
				pending++
			}
		}
	}
	return closed, pending, nil
}

// requestAll asks in one append for the end of those sessions for which nobody has.
func (r *Registry) requestAll(ctx context.Context, ids []uint64, by, why string) error {
	return r.append(ctx, func() ([]storage.Entry, error) {
		entries := make([]storage.Entry, 0, len(ids))
		for _, id := range ids {
			s, err := r.look(id)
			if err != nil {
				return nil, err
			}
			if s != nil && s.Status == projection.Live && s.Stage != projection.Stopping {
				entries = append(entries, entry(id, &events.KillRequested{By: by, Why: why}))
			}
		}
		return entries, nil
	})
}
