package projection

import (
	"slices"
	"unique"

	"gatebook/events"
)

// FeedChunk is how many records of the log are indexed together: their chunk is found by their
// kinds and their sources. The record of sequence 1 is the first of chunk 0.
const FeedChunk = 512

// feedChanges tracks which kinds and sources the records of each chunk have.
type feedChanges struct {
	// chunks are those to add, by their terms, ascending.
	chunks map[term][]uint64
	// chunk is that of the last record. kinds and sources are those it has been added under.
	chunk   uint64
	kinds   [4]uint64
	sources map[string]bool
	// origin is that of the last record's session.
	origin unique.Handle[Origin]
}

// note adds the chunk of a record, which has been applied, under its kind and its source.
func (f *feedChanges) note(s *State, r *events.Record) {
	if chunk := (r.Sequence - 1) / FeedChunk; f.sources == nil || chunk != f.chunk {
		*f = feedChanges{chunks: f.chunks, chunk: chunk, sources: make(map[string]bool)}
	}
	kind := r.Event.Kind()
	if bit := uint64(1) << (kind % 64); f.kinds[kind/64]&bit == 0 {
		f.kinds[kind/64] |= bit
		if kind != events.KindStatisticsRecorded {
			f.add(term{fieldFeedKind, kind.String()})
		}
	}
	if r.Session == 0 {
		f.noteSource(SourceOfEvent(r.Event))
	} else if v := s.sessions.find(r.Session); v != nil && v.origin != f.origin {
		f.origin = v.origin
		f.noteSource(v.Origin().Source)
	}
}

func (f *feedChanges) noteSource(name string) {
	if key := NameKey(name); name != "" && !f.sources[key] {
		f.sources[key] = true
		f.add(term{fieldFeedSource, key})
	}
}

func (f *feedChanges) add(t term) {
	if f.chunks == nil {
		f.chunks = make(map[term][]uint64)
	}
	f.chunks[t] = append(f.chunks[t], f.chunk)
}

// restore adds the chunks of a checkpoint that was not saved.
func (f *feedChanges) restore(chunks map[term][]uint64) {
	for t, before := range chunks {
		if f.chunks == nil {
			f.chunks = make(map[term][]uint64)
		}
		f.chunks[t] = slices.Compact(append(before, f.chunks[t]...))
	}
}

// SourceOfEvent returns the source that an event about no session names, "" for none.
func SourceOfEvent(e events.Event) string {
	switch e := e.(type) {
	case *events.SourceStarted:
		return e.Source
	case *events.SourceStopped:
		return e.Source
	case *events.SourceLost:
		return e.Source
	case *events.SourceSeen:
		return e.Source
	case *events.ServiceDeclared:
		return e.Source
	case *events.ServerDeclared:
		return e.Source
	case *events.RecordingGap:
		return e.Source
	}
	return ""
}

// putChunks adds chunks of the log to the changes of the archive's indexes.
func (x *indexChanges) putChunks(chunks map[term][]uint64) {
	for t, of := range chunks {
		at := x.termAt(t)
		for _, chunk := range of {
			x.entries = append(x.entries, IndexEntry{ID: chunk})
			x.add(at, false, false)
		}
	}
}

// FeedGroups returns groups of keys of the archive's indexes. The chunk of each record that is
// of one of some kinds, and of one of some sources, is stored under a key of each group; no
// kinds, or no sources, are all. There are no groups where the indexes do not help. The
// sources are keys of names.
func FeedGroups(kinds []events.Kind, sources []string) (groups []IndexGroup) {
	if len(kinds) > 0 && !slices.Contains(kinds, events.KindStatisticsRecorded) {
		terms := make([]term, len(kinds))
		for i, kind := range kinds {
			terms[i] = term{fieldFeedKind, kind.String()}
		}
		groups = append(groups, indexGroup(terms, false))
	}
	if len(sources) > 0 {
		// A server can have been declared by another source since it changed.
		terms := []term{{fieldFeedKind, events.KindServerChanged.String()}}
		for _, key := range sources {
			terms = append(terms, term{fieldFeedSource, key})
		}
		groups = append(groups, indexGroup(terms, false))
	}
	return groups
}
