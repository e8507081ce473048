package gatebook

import (
	"context"
	"fmt"
	"iter"
	"time"

	"gatebook/events"
	"gatebook/internal/query"
	"gatebook/projection"
)

// Book is what can be read of a registry: sessions, live and ended, the services, servers and
// sources, and the records. It changes nothing. Its methods are safe for concurrent use.
type Book struct {
	queries *query.Reader
	present *projection.State
	logID   [16]byte
}

// LogID returns the identity of the log, which was chosen at random when it was begun. A copy
// of the log has the same.
func (b *Book) LogID() [16]byte { return b.logID }

// Session returns the session of that id, live or ended, and the moment the answer is of.
// Errors: [ErrNotFound].
func (b *Book) Session(id uint64) (projection.View, projection.Moment, error) {
	return b.queries.Session(id)
}

// SessionAsOf returns the session as it was when the record of that sequence was the last:
// what a replay of the log up to it gives. Errors: [ErrNotFound] when it had not been opened
// by then, [ErrInvalid] for a sequence that the log has not reached.
func (b *Book) SessionAsOf(id, sequence uint64) (projection.View, projection.Moment, error) {
	return b.queries.SessionAsOf(id, sequence)
}

// Query says which sessions to list, and how. The zero value lists those that live.
type Query = projection.Query

// Order is the order of a list of sessions.
type Order = projection.Order

// The orders. A session that has not ended comes after all that have; those that ended at
// the same time come by id.
const (
	ByID            = projection.ByID
	ByIDDescending  = projection.ByIDDescending
	ByEnd           = projection.ByEnd
	ByEndDescending = projection.ByEndDescending
)

// The orders of live sessions alone: by when they were opened, by how long ago their clients
// were last read from, and by how many bytes a second are read and written on the clients'
// connections. Sessions whose rate is not known come last in both directions.
const (
	ByOpened           = projection.ByOpened
	ByOpenedDescending = projection.ByOpenedDescending
	ByIdle             = projection.ByIdle
	ByIdleDescending   = projection.ByIdleDescending
	ByRate             = projection.ByRate
	ByRateDescending   = projection.ByRateDescending
	ByUser             = projection.ByUser
	ByUserDescending   = projection.ByUserDescending
)

// Position is where a session stood in an order other than by id: [Listing.Position].
type Position = projection.Position

// Listing is the answer to a query, of one moment. The zero value lists nothing.
type Listing struct {
	projection.Moment
	// Total is how many sessions there are without After, Skip and Limit. It is known
	// where it costs nothing, or was asked for: then Counted is true.
	Total   uint64
	Counted bool

	list *query.Listing
}

// Sessions begins a listing that nothing ends: see [Book.SessionsContext].
func (b *Book) Sessions(q Query) (*Listing, error) {
	return b.SessionsContext(context.Background(), q)
}

// SessionsContext begins a listing. Its cost is the sessions that are listed; of a filter,
// those that have in common what the fewest have. The archive is read page by page as the
// listing is walked. Three things cost all that match: Count with a filter, the order by end
// together with AsOf, and the orders of live sessions alone, which visit those in memory. The
// end of ctx ends the listing, and the walk over it. Of the queries that visit many sessions
// a few run at a time, and the others wait.
//
// Errors: [ErrNotFound] when there is no session After, [ErrInvalid] for an AsOf that the
// log has not reached and for an order that the query cannot have, [ErrCrowded].
func (b *Book) SessionsContext(ctx context.Context, q Query) (*Listing, error) {
	l, err := b.queries.Sessions(ctx, q)
	if err != nil {
		return nil, err
	}
	return &Listing{Moment: l.Moment, Total: l.Total, Counted: l.Counted, list: l}, nil
}

// Position returns where a session of the listing stood in its order. A query with the
// session as After and this as Position begins after it there, whatever has become of the
// session meanwhile.
func (l *Listing) Position(v projection.View) Position {
	if l.list == nil {
		return Position{}
	}
	return l.list.Position(v)
}

// Held returns how many bytes of memory the listing holds for sessions that are still to be
// listed, those of the registry aside.
func (l *Listing) Held() int {
	if l.list == nil {
		return 0
	}
	return l.list.Held()
}

// All yields the sessions. It can be walked once. An error ends it.
func (l *Listing) All() iter.Seq2[projection.View, error] {
	if l.list == nil {
		return func(func(projection.View, error) bool) {}
	}
	return l.list.All()
}

// Group is a property that sessions are counted by.
type Group = projection.Group

// The groups. A session counts for each server that it reached, and for the hour in which it
// was opened. A network is one of 24 bits of IPv4, or 64 of IPv6.
const (
	GroupUser    = projection.GroupUser
	GroupService = projection.GroupService
	GroupServer  = projection.GroupServer
	GroupAddress = projection.GroupAddress
	GroupNetwork = projection.GroupNetwork
	GroupReason  = projection.GroupReason
	GroupBy      = projection.GroupBy
	GroupSource  = projection.GroupSource
	GroupHour    = projection.GroupHour
)

// Counts are the sessions that match a query, by a group.
type Counts = query.Counts

// Counts counts the sessions that a query selects by a group, and returns the largest, at
// most limit of them; 0 is no limit. Ended sessions are counted in the archive's indexes, live
// ones are visited. AsOf, After, Skip, Limit, Count and the order of the query mean nothing.
// Errors: [ErrCrowded] and that of ctx.
func (b *Book) Counts(ctx context.Context, q Query, by Group, limit int) (*Counts, error) {
	return b.queries.Counts(ctx, q, by, limit)
}

// Services returns all services, in the order in which they were first met.
func (b *Book) Services() ([]*projection.Service, projection.Moment) { return b.present.Services() }

// Service returns the service of that name. Errors: [ErrNotFound].
func (b *Book) Service(name string) (*projection.Service, projection.Moment, error) {
	v, moment := b.present.Service(name)
	return v, moment, found(v, "service", name)
}

// Servers returns all servers, in the order in which they were first met.
func (b *Book) Servers() ([]*projection.Server, projection.Moment) { return b.present.Servers() }

// Server returns the server of that name. Errors: [ErrNotFound].
func (b *Book) Server(name string) (*projection.Server, projection.Moment, error) {
	v, moment := b.present.Server(name)
	return v, moment, found(v, "server", name)
}

// Sources returns all sources, in the order in which they were first met.
func (b *Book) Sources() ([]*projection.Source, projection.Moment) { return b.present.Sources() }

// Source returns the source of that name. Errors: [ErrNotFound].
func (b *Book) Source(name string) (*projection.Source, projection.Moment, error) {
	v, moment := b.present.Source(name)
	return v, moment, found(v, "source", name)
}

func found[T any](v *T, what, name string) error {
	if v == nil {
		return fmt.Errorf("%s %q: %w", what, name, ErrNotFound)
	}
	return nil
}

// Moment returns the registry's current one: how far the log has come, and how many
// sessions there are.
func (b *Book) Moment() projection.Moment { return b.present.Moment() }

// RecordedAt returns when the record of a sequence was made. Errors: [ErrInvalid] for one
// that the log has not reached.
func (b *Book) RecordedAt(sequence uint64) (time.Time, error) {
	return b.queries.RecordedAt(sequence)
}

// SequenceAt returns the sequence of the last record made by then, 0 when there was none.
// It costs a few looks into the log.
func (b *Book) SequenceAt(t time.Time) (uint64, error) { return b.queries.SequenceAt(t) }

// Gap is a time in which no registry ran. From is when the registry before it was last known
// to be alive, by its records, the zero time where there was none; To is when the first
// record after it was made.
type Gap struct {
	From, To time.Time
}

// GapAt returns the gap that a time lies in, and whether it lies in one: whether no registry
// ran then, as far as its records say.
func (b *Book) GapAt(t time.Time) (Gap, bool, error) {
	gap, found, err := b.queries.GapAt(t)
	return Gap(gap), found, err
}

// EventFilter says which records are wanted.
type EventFilter = events.Filter

// Feed reads the log from a sequence on, page by page. It holds nothing of the log between
// two calls, so that its reader may take its time. It is for one goroutine.
type Feed struct{ feed *query.Feed }

// Feed returns a feed that begins after the record of that sequence; 0 is the beginning of
// the log.
func (b *Book) Feed(after uint64, only EventFilter) *Feed {
	return &Feed{b.queries.Feed(after, only)}
}

// Position returns the sequence up to which the feed has looked at every record.
func (f *Feed) Position() uint64 { return f.feed.Position() }

// Next looks at the next page of records, up to that sequence or the last that can be read,
// and returns those that are wanted, oldest first: it may be none although there are more.
// The slice is valid until the next call; the events in it must not be changed.
func (f *Feed) Next(until uint64) ([]events.Record, error) { return f.feed.Next(until) }

// Wait blocks until there are records after the feed's position. It returns the error of
// ctx when that ends first, [ErrClosed], or [ErrReadOnly] when there can be no more.
func (f *Feed) Wait(ctx context.Context) error { return f.feed.Wait(ctx) }

// Pending returns the kill requests at or before the feed's position whose sessions are
// still live, of the sources that the feed names, oldest first. A program that ends sessions
// for these sources needs them besides what follows. A feed that names no source has none.
func (f *Feed) Pending() ([]events.Record, error) { return f.feed.Pending() }

// Events yields the records after a sequence that are wanted, oldest first, up to the last
// one there is now. An error ends it. The events must not be changed.
func (b *Book) Events(after uint64, only EventFilter) iter.Seq2[events.Record, error] {
	until := b.present.Applied()
	return func(yield func(events.Record, error) bool) {
		feed := b.queries.Feed(after, only)
		for feed.Position() < until {
			page, err := feed.Next(until)
			if err != nil {
				yield(events.Record{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
		}
	}
}
