package query

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

const (
	// feedPage is how many records one read of the log covers.
	feedPage = 512
	// feedOwners bounds how many sessions a feed remembers the source of.
	feedOwners = 1 << 16
)

// Feed reads the log from a sequence on, page by page. It holds nothing of the log between
// two calls, so that its reader may take its time. It is for one goroutine.
type Feed struct {
	reader   *Reader
	only     events.Filter
	owners   map[uint64]string // keys of the sources of sessions
	position uint64
	buffer   []events.Record
	wanted   []events.Record
}

// Feed returns a feed that begins after the record of that sequence; 0 is the beginning
// of the log.
func (r *Reader) Feed(after uint64, only events.Filter) *Feed {
	only.Sources = slices.Clone(only.Sources)
	for i, name := range only.Sources {
		only.Sources[i] = projection.NameKey(name)
	}
	slices.Sort(only.Sources)
	only.Sources = slices.Compact(only.Sources)
	return &Feed{reader: r, only: only, owners: make(map[uint64]string), position: after}
}

// Position returns the sequence up to which the feed has looked at every record.
func (f *Feed) Position() uint64 { return f.position }

// Next looks at the next page of records, up to that sequence or the last that can be
// read, and returns those that are wanted, oldest first: it may be none although
// there are more. The slice is valid until the next call; the events in it must not
// be changed.
func (f *Feed) Next(until uint64) ([]events.Record, error) {
	f.wanted = f.wanted[:0]
	// Applied records are durable and can be looked up; the log's head follows them.
	until = min(until, f.reader.state.Applied())
	if f.position >= until {
		return nil, nil
	}
	if len(f.only.Sessions) > 0 {
		return f.nextOfTrails(until)
	}
	if err := f.passChunks(until); err != nil || f.position >= until {
		return nil, err
	}
	if f.buffer == nil {
		f.buffer = make([]events.Record, feedPage)
	}
	page := f.buffer[:min(feedPage, until-f.position)]
	n, err := f.reader.read(f.position, page)
	if err != nil {
		return nil, err
	}
	for i := range page[:n] {
		wanted, err := f.wants(&page[i])
		if err != nil {
			return nil, err
		}
		if wanted {
			f.wanted = append(f.wanted, page[i])
		}
	}
	f.position += uint64(n)
	return f.wanted, nil
}

// passChunks moves the feed to the next chunk of the log that can have a record that is
// wanted, at most up to a sequence. It does nothing where the archive does not help.
func (f *Feed) passChunks(until uint64) error {
	groups := projection.FeedGroups(f.only.Kinds, f.only.Sources)
	if len(groups) == 0 {
		return nil
	}
	snapshot, err := f.reader.archive.Snapshot()
	if errors.Is(err, storage.ErrRebuilding) {
		return nil
	}
	if err != nil {
		return err
	}
	next, _ := snapshot.Position() // what comes later is not indexed yet
	if f.position >= next {
		return snapshot.Close()
	}
	q := index.Search{Match: func(*index.Summary) bool { return true }}
	for _, g := range groups {
		q.Groups = append(q.Groups, index.Group(g))
	}
	if chunk := f.position / projection.FeedChunk; chunk > 0 {
		q.After = &index.Entry{ID: chunk - 1}
	}
	err = snapshot.Search(q, func(e index.Entry) (bool, error) {
		next = min(next, e.ID*projection.FeedChunk)
		return false, nil
	})
	if errors.Is(err, storage.ErrRebuilding) {
		return snapshot.Close()
	}
	f.position = max(f.position, min(next, until))
	return errors.Join(err, snapshot.Close())
}

// nextOfTrails is Next for some sessions: it reads their records and no others.
func (f *Feed) nextOfTrails(until uint64) ([]events.Record, error) {
	var sequences []uint64
	for _, id := range f.only.Sessions {
		s, err := f.reader.Lookup(id)
		if err != nil {
			return nil, err
		}
		if s == nil || s.Version <= f.position {
			continue
		}
		for sequence := range s.Trail() {
			if sequence > f.position && sequence <= until {
				sequences = append(sequences, sequence)
			}
		}
	}
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	if len(sequences) > feedPage {
		sequences = sequences[:feedPage]
		until = sequences[feedPage-1]
	}
	for _, sequence := range sequences {
		record, err := f.reader.Record(sequence)
		if err != nil {
			return nil, err
		}
		wanted, err := f.wants(&record)
		if err != nil {
			return nil, err
		}
		if wanted {
			f.wanted = append(f.wanted, record)
		}
	}
	f.position = until
	return f.wanted, nil
}

// Wait blocks until there are records after the feed's position. It returns the error of
// ctx when that ends first, [ErrClosed], or [ErrReadOnly] when there can be no more.
func (f *Feed) Wait(ctx context.Context) error { return f.reader.log.Wait(ctx, f.position) }

func (f *Feed) wants(r *events.Record) (bool, error) {
	if len(f.only.Kinds) > 0 && !slices.Contains(f.only.Kinds, r.Event.Kind()) {
		return false, nil
	}
	if len(f.only.Sources) == 0 {
		return true, nil
	}
	key, err := f.sourceOf(r)
	return err == nil && key != "" && slices.Contains(f.only.Sources, key), err
}

// sourceOf returns the key of the source that a record is of, "" for none.
func (f *Feed) sourceOf(r *events.Record) (string, error) {
	if e, ok := r.Event.(*events.ServerChanged); ok {
		if server, _ := f.reader.state.Server(e.Name); server != nil {
			return projection.NameKey(server.Source), nil
		}
		return "", nil
	}
	if name := projection.SourceOfEvent(r.Event); name != "" {
		return projection.NameKey(name), nil
	}
	return f.owner(r)
}

// owner returns the key of the source of the session that a record is about.
func (f *Feed) owner(r *events.Record) (string, error) {
	if r.Session == 0 {
		return "", nil
	}
	if key, known := f.owners[r.Session]; known {
		return key, nil
	}
	name := ""
	if e, ok := r.Event.(*events.SessionOpened); ok {
		name = e.Source
	} else if s, err := f.reader.Lookup(r.Session); err != nil {
		return "", err
	} else if s != nil {
		name = s.Origin().Source
	}
	if len(f.owners) >= feedOwners {
		clear(f.owners)
	}
	key := projection.NameKey(name)
	f.owners[r.Session] = key
	return key, nil
}

// Pending returns the kill requests at or before the feed's position whose sessions are
// still live, of the sources that the feed names, oldest first. A feed that names no source
// has none.
func (f *Feed) Pending() ([]events.Record, error) {
	if len(f.only.Kinds) > 0 && !slices.Contains(f.only.Kinds, events.KindKillRequested) {
		return nil, nil
	}
	var pending []events.Record
	for _, source := range f.only.Sources {
		kills, err := f.reader.PendingKills(source)
		if err != nil {
			return nil, err
		}
		for _, record := range kills {
			// A later one follows.
			if record.Sequence <= f.position && (len(f.only.Sessions) == 0 || slices.Contains(f.only.Sessions, record.Session)) {
				pending = append(pending, record)
			}
		}
	}
	slices.SortFunc(pending, bySequence)
	return pending, nil
}

func bySequence(a, b events.Record) int { return cmp.Compare(a.Sequence, b.Sequence) }
