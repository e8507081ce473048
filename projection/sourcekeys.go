package projection

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// incarnationKey identifies one incarnation of a source, by the key of the source's name.
type incarnationKey struct{ source, incarnation string }

// sourceKeys finds sessions in memory by their source key, the source's own name for a
// session. Sessions without one are not in it.
type sourceKeys map[incarnationKey]map[string]uint64

// put adds a session, if it has a source key. Of two sessions with the same one the later
// counts.
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

// remove removes a session.
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
// key; 0 if it is not in memory. The archive has the others in [TableSourceKeys].
func (s *State) IDBySourceKey(source, incarnation, key string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions.keys[incarnationKey{NameKey(source), incarnation}][key]
}

// SessionsWithSourceKey returns the sessions in memory of an incarnation that have a source
// key and that status, in ascending order of id.
func (s *State) SessionsWithSourceKey(source, incarnation string, status Status) []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*Session
	for _, id := range s.sessions.keys[incarnationKey{NameKey(source), incarnation}] {
		if v := s.sessions.find(id); v.Status == status {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, byID)
	return all
}

// HasLiveWithSourceKey reports whether an incarnation of a source has live sessions with a
// source key.
func (s *State) HasLiveWithSourceKey(source, incarnation string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range s.sessions.keys[incarnationKey{NameKey(source), incarnation}] {
		if s.sessions.live.get(id) != nil {
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

// SourceKeyRow returns the key of the row of [TableSourceKeys] with the id of the session
// that an incarnation of a source knows by a key. The rows of one incarnation are adjacent
// and in the order of the source keys, which mostly ascend.
func SourceKeyRow(source, incarnation, key string) []byte {
	source = NameKey(source)
	b := binary.AppendUvarint(nil, uint64(len(source)))
	sum := sha256.Sum256(append(append(b, source...), incarnation...))
	return append(sum[:16:16], key...)
}

// SourceKeyID decodes the value of a row of [TableSourceKeys].
func SourceKeyID(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("row of a source key: %d bytes where an id has 8", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// sourceKeyRows returns the checkpoint's rows of [TableSourceKeys]. The source key of a
// session never changes, and neither do its rows.
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
