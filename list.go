package gatebook

import (
	"errors"
	"iter"
	"runtime"

	"gatebook/projection"
	"gatebook/storage"
)

// archivePage is how many archived sessions one read transaction covers.
const archivePage = 256

// Query says which sessions to list, in ascending order of id.
type Query struct {
	// Live, Closed and Lost are the statuses wanted.
	Live, Closed, Lost bool
	// Skip are passed over, then at most Limit are listed; 0 means all.
	Skip, Limit int
}

// Listing is the answer to a query, of one moment.
type Listing struct {
	projection.Moment
	// Total is how many sessions have the wanted statuses.
	Total uint64

	registry *Registry
	query    Query
	memory   projection.Copied
	pages    []*archiveCursor
}

// Sessions begins a listing. Its cost is the live sessions that are copied out,
// and the first page of the archive if that is wanted: the rest of the archive is
// read as the listing is walked.
func (r *Registry) Sessions(q Query) (*Listing, error) {
	// Who lists without pause lets those run first who append: a writer that comes
	// back from its sync would otherwise wait for the whole time slice of each reader.
	runtime.Gosched()
	l := &Listing{registry: r, query: q}
	if q.Closed {
		l.pages = append(l.pages, &archiveCursor{table: projection.TableClosed})
	}
	if q.Lost {
		l.pages = append(l.pages, &archiveCursor{table: projection.TableLost})
	}
	want := projection.Selection{Live: q.Live, Closed: q.Closed, Lost: q.Lost}
	if len(l.pages) == 0 {
		want.Skip, want.Limit = q.Skip, q.Limit
		l.query.Skip = 0
	}
	var snapshot *storage.Snapshot
	var err error
	l.memory, err = r.state.Copy(want, func() (err error) {
		if len(l.pages) > 0 {
			snapshot, err = r.book.Snapshot()
		}
		return err
	})
	l.Moment = l.memory.Moment
	if snapshot != nil {
		for _, c := range l.pages {
			err = errors.Join(err, l.fill(c, snapshot))
		}
		err = errors.Join(err, snapshot.Close())
	}
	if q.Live {
		l.Total += uint64(l.Live)
	}
	if q.Closed {
		l.Total += l.Closed
	}
	if q.Lost {
		l.Total += l.Lost
	}
	return l, err
}

// archiveCursor walks one table of the archive, a page at a time.
type archiveCursor struct {
	table string
	next  uint64 // the id the next page begins at
	rows  []*projection.Session
	end   bool
}

// fill reads the cursor's next page. Rows that memory knows better, or that were
// written after the listing's moment, are left out.
func (l *Listing) fill(c *archiveCursor, snapshot *storage.Snapshot) error {
	c.rows = c.rows[:0]
	for len(c.rows) == 0 && !c.end {
		read := 0
		err := snapshot.Scan(c.table, projection.IDKey(c.next), func(_, row []byte) (bool, error) {
			s, err := projection.DecodeSession(row, nil)
			if err != nil {
				return false, err
			}
			c.next = s.ID + 1
			if _, newer := l.memory.Superseded[s.ID]; !newer && s.Version <= l.Sequence {
				c.rows = append(c.rows, s)
			}
			read++
			return read < archivePage, nil
		})
		if err != nil {
			return err
		}
		c.end = read < archivePage
	}
	return nil
}

func (l *Listing) more(c *archiveCursor) error {
	if len(c.rows) > 0 || c.end {
		return nil
	}
	snapshot, err := l.registry.book.Snapshot()
	if err != nil {
		return err
	}
	return errors.Join(l.fill(c, snapshot), snapshot.Close())
}

// All yields the sessions. It can be walked once. An error ends it.
func (l *Listing) All() iter.Seq2[projection.View, error] {
	return func(yield func(projection.View, error) bool) {
		skip, left := l.query.Skip, l.query.Limit
		for {
			v, err := l.next()
			if err != nil {
				yield(projection.View{}, err)
				return
			}
			if v.Session == nil {
				return
			}
			if skip > 0 {
				skip--
				continue
			}
			if !yield(v, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// next takes the session with the lowest id from memory and the archive.
func (l *Listing) next() (projection.View, error) {
	var from *archiveCursor
	var best projection.View
	if len(l.memory.Views) > 0 {
		best = l.memory.Views[0]
	}
	for _, c := range l.pages {
		if err := l.more(c); err != nil {
			return projection.View{}, err
		}
		if len(c.rows) > 0 && (best.Session == nil || c.rows[0].ID < best.ID) {
			best, from = projection.View{Session: c.rows[0]}, c
		}
	}
	switch {
	case best.Session == nil:
	case from != nil:
		from.rows = from.rows[1:]
	default:
		l.memory.Views = l.memory.Views[1:]
	}
	return best, nil
}

// Services returns all services, in the order in which they were first met.
func (r *Registry) Services() ([]*projection.Service, projection.Moment) { return r.state.Services() }

// Service returns the service of that name, nil when there is none.
func (r *Registry) Service(name string) (*projection.Service, projection.Moment) {
	return r.state.Service(name)
}

// Servers returns all servers, in the order in which they were first met.
func (r *Registry) Servers() ([]*projection.Server, projection.Moment) { return r.state.Servers() }

// Server returns the server of that name, nil when there is none.
func (r *Registry) Server(name string) (*projection.Server, projection.Moment) {
	return r.state.Server(name)
}

// Sources returns all sources, in the order in which they were first met.
func (r *Registry) Sources() ([]*projection.Source, projection.Moment) { return r.state.Sources() }

// Source returns the source of that name, nil when there is none.
func (r *Registry) Source(name string) (*projection.Source, projection.Moment) {
	return r.state.Source(name)
}

// Moment is the registry's current one.
func (r *Registry) Moment() projection.Moment { return r.state.Moment() }
