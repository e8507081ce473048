package projection

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"

	"gatebook/events"
)

// indexKeySize is the length of a key of the archive's indexes in bytes.
const indexKeySize = 17

// IndexEntry is what the archive's indexes keep of an ended session.
type IndexEntry struct {
	ID uint64
	// From and Until are when the session began and ended, First and Last the sequences of
	// its first and its last record.
	From, Until events.Time
	// Present is the last time at which the session may have been alive: [Session.Present].
	Present     events.Time
	First, Last uint64
	// Lost separates the two tables of ended sessions.
	Lost bool
}

// IndexKey is a key of the archive's indexes, with the entries that change under it.
type IndexKey struct {
	Key []byte
	// Entries are positions in the list of entries, ascending.
	Entries []int32
	// Former are those of Entries that had the key once, as a former user. Removed are those
	// that leave the index. Both ascend.
	Former, Removed []int32
}

// indexKey is a key of the archive's indexes: a field, and 16 bytes of a value.
type indexKey [indexKeySize]byte

// key returns a term, which is not an address, as a key of the archive's indexes. Its bytes
// are the beginning of a hash of the value. Two values that meet in practice do not have the
// same.
func (t term) key() (key indexKey) {
	key[0] = byte(t.field)
	switch t.field {
	case fieldAll, fieldReturned:
	default:
		sum := sha256.Sum256([]byte(t.value))
		copy(key[1:], sum[:])
	}
	return key
}

// ofIPv6 is set in the field of keys of IPv6. No network of it contains addresses of IPv4.
const ofIPv6 = 0x80

// addressKey returns the key of the network of that many bits, in 16 bytes, that an address
// is in.
func addressKey(f field, address [16]byte, is4 bool, bits int) (key indexKey) {
	if key[0] = byte(f); !is4 {
		key[0] |= ofIPv6
	}
	copy(key[1:], address[:bits/8])
	return key
}

// archivedTerms calls do for every term that an ended session is found by in the archive, its
// address aside, some possibly twice. former is set for terms that it had once.
func (s *Session) archivedTerms(do func(t term, former bool)) {
	login, end := s.Login(), s.Ending()
	do(term{field: fieldAll}, false)
	s.terms(func(t term) { do(t, t.field == fieldUser && t.value != login.User) })
	if login.User == "" {
		do(term{field: fieldUser}, false)
	}
	if !slices.ContainsFunc(s.Connections, func(c Connection) bool { return c.State != Failed }) {
		do(term{field: fieldServer}, false)
	}
	do(term{fieldDatabase, login.Database}, false)
	do(term{fieldProgram, login.Program}, false)
	do(term{fieldReason, end.Reason.String()}, false)
	if end.By != "" {
		do(term{fieldBy, end.By}, false)
	}
	if s.extraOrZero().WasLost {
		do(term{field: fieldReturned}, false)
	}
}

// indexChanges collects changes to the archive's indexes.
type indexChanges struct {
	entries   []IndexEntry
	keys      []IndexKey
	byTerm    map[term]int
	byAddress map[indexKey]int
	// last has the term of each field that was added last, which the next session often has.
	last [256]struct {
		value string
		at    int // position in keys, plus 1
	}
}

// IndexEntries returns the checkpoint's changes to the archive's indexes: an entry for each
// ended session that changed, in ascending order of id, then entries for chunks of the log, and
// the keys of the entries. It
// visits those sessions, needs no lock, and looks up those that the archive has already, to
// take them from the keys that they have no more.
func (c *Checkpoint) IndexEntries() (entries []IndexEntry, keys []IndexKey, err error) {
	slices.SortFunc(c.sessions, byID)
	x := indexChanges{byTerm: make(map[term]int), byAddress: make(map[indexKey]int)}
	for _, v := range c.sessions {
		old, err := c.archivedBefore(v)
		if err != nil {
			return nil, nil, err
		}
		if v.Status == Live && old == nil {
			continue
		}
		x.entries = append(x.entries, IndexEntry{
			ID: v.ID, From: v.Opened, Until: v.Ended(), Present: v.Present(), First: v.First(), Last: v.Version,
			Lost: v.Status == Lost,
		})
		if v.Status != Live {
			x.put(v)
		}
		if old != nil {
			x.take(old)
		}
	}
	x.putChunks(c.chunks)
	return x.entries, x.keys, nil
}

// archivedBefore returns the value of a session that the archive has; nil if it has none.
func (c *Checkpoint) archivedBefore(v *Session) (*Session, error) {
	if c.archive == nil || !v.extraOrZero().WasLost || v.First() > c.collected {
		return nil, nil
	}
	return c.archive(v.ID)
}

// put stores the last entry under the keys of its session.
func (x *indexChanges) put(v *Session) {
	v.archivedTerms(func(t term, former bool) { x.add(x.termAt(t), former, false) })
	if v.IP().IsValid() {
		for _, key := range addressKeys(v) {
			x.add(x.addressAt(key), false, false)
		}
	}
}

// take removes the last entry from the keys of an older value of its session that it was not
// put under. The address of a session does not change.
func (x *indexChanges) take(old *Session) {
	old.archivedTerms(func(t term, _ bool) { x.add(x.termAt(t), false, true) })
	if old.IP().IsValid() {
		for _, key := range addressKeys(old) {
			x.add(x.addressAt(key), false, true)
		}
	}
}

// addressKeys returns the keys of a session's address and its networks.
func addressKeys(v *Session) [3]indexKey {
	ip := v.IP()
	network, wide := networkBits(ip), wideNetworkBits(ip)
	return [3]indexKey{
		addressKey(fieldAddress, v.address, ip.Is4(), 128), addressKey(fieldNetwork, v.address, ip.Is4(), network),
		addressKey(fieldWideNetwork, v.address, ip.Is4(), wide),
	}
}

// termAt returns the position of a term in keys.
func (x *indexChanges) termAt(t term) int {
	last := &x.last[t.field]
	if last.at > 0 && last.value == t.value {
		return last.at - 1
	}
	at, found := x.byTerm[t]
	if !found {
		at = len(x.keys)
		x.byTerm[t] = at
		key := t.key()
		x.keys = append(x.keys, IndexKey{Key: key[:]})
	}
	last.value, last.at = t.value, at+1
	return at
}

// addressAt returns the position of an address's key in keys.
func (x *indexChanges) addressAt(key indexKey) int {
	at, found := x.byAddress[key]
	if !found {
		at = len(x.keys)
		x.byAddress[key] = at
		x.keys = append(x.keys, IndexKey{Key: key[:]})
	}
	return at
}

// add adds the last entry to the key at a position. A session can have a term twice, of which
// the first counts.
func (x *indexChanges) add(at int, former, removed bool) {
	k, last := &x.keys[at], int32(len(x.entries)-1)
	if n := len(k.Entries); n > 0 && k.Entries[n-1] == last {
		return
	}
	k.Entries = append(k.Entries, last)
	if former {
		k.Former = append(k.Former, last)
	}
	if removed {
		k.Removed = append(k.Removed, last)
	}
}

// NetworkRange returns the lowest and the highest of the keys that the sessions in a network
// are found by: those of the widest networks, of the sizes that are indexed, that it consists
// of.
func NetworkRange(network netip.Prefix) (low, high []byte) {
	first, last := addressRange(network)
	bits, f, indexed := bitsOf16(network), fieldAddress, 128
	if n := networkBits(network.Addr()); bits <= n {
		f, indexed = fieldNetwork, n
	}
	if n := wideNetworkBits(network.Addr()); bits <= n {
		f, indexed = fieldWideNetwork, n
	}
	is4 := network.Addr().Is4()
	lowest, highest := addressKey(f, first, is4, indexed), addressKey(f, last, is4, indexed)
	return lowest[:], highest[:]
}

// addressRange returns the first and the last address in a network.
func addressRange(network netip.Prefix) (first, last [16]byte) {
	first = network.Masked().Addr().As16()
	last = first
	bits := bitsOf16(network)
	a, b := binary.BigEndian.Uint64(last[:8]), binary.BigEndian.Uint64(last[8:])
	if bits < 64 {
		a, b = a|^uint64(0)>>bits, ^uint64(0)
	} else {
		b |= ^uint64(0) >> (bits - 64) // a shift by 64 leaves 0
	}
	binary.BigEndian.PutUint64(last[:8], a)
	binary.BigEndian.PutUint64(last[8:], b)
	return first, last
}

// NetworkAround returns the key of the smallest indexed network that a network is only a part
// of; nil if there is none.
func NetworkAround(network netip.Prefix) []byte {
	address, is4, bits := network.Addr().As16(), network.Addr().Is4(), bitsOf16(network)
	if n := networkBits(network.Addr()); bits > n {
		key := addressKey(fieldNetwork, address, is4, n)
		return key[:]
	}
	if n := wideNetworkBits(network.Addr()); bits > n {
		key := addressKey(fieldWideNetwork, address, is4, n)
		return key[:]
	}
	return nil
}
