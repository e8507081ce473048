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
type run struct{ source, incarnation string }

// keys finds the sessions in memory by what their sources know them by. It has
// only those that have such a key.
type keys map[run]map[string]uint64

// put adds a session, if it has a key. Of two with the same one, the later counts.
func (k keys) put(v *Session) {
	key := v.Key()
	if key == "" {
		return
	}
	at := runOf(v)
	if k[at] == nil {
		k[at] = make(map[string]uint64)
	}
	k[at][key] = max(k[at][key], v.ID)
}

// remove takes a session out again.
func (k keys) remove(v *Session) {
	at := runOf(v)
	if k[at][v.Key()] != v.ID {
		return
	}
	delete(k[at], v.Key())
	if len(k[at]) == 0 {
		delete(k, at)
	}
}

func runOf(v *Session) run {
	origin := v.Origin()
	return run{NameKey(origin.Source), origin.Incarnation}
}

// Keyed returns the id of the session that an incarnation of a source knows by a
// key, if it is in memory, and 0 otherwise. For the others there is [TableKeys].
func (s *State) Keyed(source, incarnation, key string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.keyed[run{NameKey(source), incarnation}][key]
}

// KeyedOf returns those sessions of an incarnation that have a key and are in
// memory with that status, in ascending order of id.
func (s *State) KeyedOf(source, incarnation string, status Status) []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*Session
	for _, id := range s.keyed[run{NameKey(source), incarnation}] {
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

// HasKeyed tells whether an incarnation of a source has live sessions with a key.
func (s *State) HasKeyed(source, incarnation string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range s.keyed[run{NameKey(source), incarnation}] {
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

// KeyKey is the key of the row of [TableKeys] that tells which session an
// incarnation of a source knows by a key. The sessions of one incarnation lie
// together, in the order of their keys, which mostly rise.
func KeyKey(source, incarnation, key string) []byte {
	source = NameKey(source)
	b := binary.AppendUvarint(nil, uint64(len(source)))
	sum := sha256.Sum256(append(append(b, source...), incarnation...))
	return append(sum[:16:16], key...)
}

// keyRows are the checkpoint's rows of [TableKeys]. What a session is known by does
// not change, so that a row is right for ever.
func (c *Checkpoint) keyRows() []Row {
	var rows []Row
	for _, v := range c.sessions {
		if key := v.Key(); key != "" && v.Status != Live {
			origin := v.Origin()
			rows = append(rows, Row{TableKeys, KeyKey(origin.Source, origin.Incarnation, key), IDKey(v.ID)})
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(bytes.Compare(a.Key, b.Key), bytes.Compare(b.Value, a.Value)) })
	return slices.CompactFunc(rows, func(a, b Row) bool { return bytes.Equal(a.Key, b.Key) })
}

// KeyedID reads the value of a row of [TableKeys].
func KeyedID(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("row of a key: %d bytes where an id has 8", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
