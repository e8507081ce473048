package projection

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// run is one incarnation of a source, by the key of the source's name.
type incarnationKey struct{ source, name string }

// keys finds the sessions in memory by what their sources know them by. It has
// only those that have such a key.
type sourceKeys map[incarnationKey]map[string]uint64

// put adds a session, if it has a key. Of two with the same one, the later counts.
func (k sourceKeys) put(v *Session) {
	key := v.Key()
	if key == "" {
		return
	}
	at := incarnationOf(v)
	if k[at] == nil {
		k[at] = make(map[string]uint64)
	}
	k[at][key] = max(k[at][key], v.ID)
}

// remove takes a session out again.
func (k sourceKeys) remove(v *Session) {
	at := incarnationOf(v)
	if k[at][v.Key()] != v.ID {
		return
	}
	delete(k[at], v.Key())
	if len(k[at]) == 0 {
		delete(k, at)
	}
}

func incarnationOf(v *Session) incarnationKey {
	origin := v.Origin()
	return incarnationKey{NameKey(origin.Source), origin.Incarnation}
}

// IDBySourceKey returns the id of the session that an incarnation of a source knows by a
// key, if it is in memory, and 0 otherwise. For the others there is [TableSourceKeys].
func (s *State) IDBySourceKey(source, incarnation, key string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sourceKeys[incarnationKey{NameKey(source), incarnation}][key]
}

// SessionsWithSourceKey returns those sessions of an incarnation that have a key and are in
// memory with that status, in ascending order of id.
func (s *State) SessionsWithSourceKey(source, incarnation string, status Status) []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*Session
	for _, id := range s.sourceKeys[incarnationKey{NameKey(source), incarnation}] {
		v := s.live.get(id)
		if v == nil {
			v = s.ended[id]
		}
		if v.Status == status {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, byID)
	return all
}

// HasLiveWithSourceKey tells whether an incarnation of a source has live sessions with a key.
func (s *State) HasLiveWithSourceKey(source, incarnation string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range s.sourceKeys[incarnationKey{NameKey(source), incarnation}] {
		if s.live.get(id) != nil {
			return true
		}
	}
	return false
}

// byID orders sessions by ascending id. No two have the same.
func byID(a, b *Session) int {
	if a.ID < b.ID {
		return -1
	}
	return 1
}

// SourceKeyRow is the key of the row of [TableSourceKeys] that tells which session an
// incarnation of a source knows by a key. The sessions of one incarnation lie
// together, in the order of their keys, which mostly rise.
func SourceKeyRow(source, incarnation, key string) []byte {
	source = NameKey(source)
	b := binary.AppendUvarint(nil, uint64(len(source)))
	sum := sha256.Sum256(append(append(b, source...), incarnation...))
	return append(sum[:16:16], key...)
}

// sourceKeyRows are the checkpoint's rows of [TableSourceKeys]. What a session is known by does
// not change, so that a row is right for ever.
func (c *Checkpoint) sourceKeyRows() []Row {
	var rows []Row
	for _, v := range c.sessions {
		if key := v.Key(); key != "" && v.Status != Live {
			origin := v.Origin()
			rows = append(rows, Row{TableSourceKeys, SourceKeyRow(origin.Source, origin.Incarnation, key), IDKey(v.ID)})
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(bytes.Compare(a.Key, b.Key), bytes.Compare(b.Value, a.Value)) })
	return slices.CompactFunc(rows, func(a, b Row) bool { return bytes.Equal(a.Key, b.Key) })
}

// SourceKeyID reads the value of a row of [TableSourceKeys].
func SourceKeyID(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("row of a key: %d bytes where an id has 8", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
