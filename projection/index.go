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
	// Removed: the session is live again, and leaves the indexes.
	Removed bool
}

// IndexKey is a key of the archive's indexes, with the entries that change under it.
type IndexKey struct {
	Key []byte
	// Entries are positions in the list of entries, ascending.
	Entries []int32
}

// key returns the term as a key of the archive's indexes: its field and 16 bytes. These
// are the address, or the beginning of a hash of any other value. Two values that meet in
// practice do not have the same; and each session that is found is compared with the
// filter.
func (t term) key() []byte {
	key := make([]byte, indexKeySize)
	key[0] = byte(t.field)
	switch t.field {
	case fieldAll:
	case fieldAddress:
		copy(key[1:], t.value)
	default:
		sum := sha256.Sum256([]byte(t.value))
		copy(key[1:], sum[:])
	}
	return key
}

// IndexEntries returns the checkpoint's changes to the archive's indexes: an entry for each
// ended session that changed, in ascending order of id, and the keys of the entries. It
// visits those sessions, and needs no lock.
func (c *Checkpoint) IndexEntries() (entries []IndexEntry, keys []IndexKey) {
	slices.SortFunc(c.sessions, byID)
	positions := make(map[term]int)
	add := func(t term) {
		i, found := positions[t]
		if !found {
			i = len(keys)
			positions[t] = i
			keys = append(keys, IndexKey{Key: t.key()})
		}
		k, last := &keys[i], int32(len(entries)-1)
		if n := len(k.Entries); n == 0 || k.Entries[n-1] != last { // a session can have a term twice
			k.Entries = append(k.Entries, last)
		}
	}
	for _, v := range c.sessions {
		if v.Status == Live && (!v.extraOrZero().WasLost || v.First() > c.collected) {
			continue
		}
		entries = append(entries, IndexEntry{
			ID: v.ID, From: v.Opened, Until: v.Ended(), Present: v.Present(), First: v.First(), Last: v.Version,
			Lost: v.Status == Lost, Removed: v.Status == Live,
		})
		add(term{field: fieldAll})
		v.terms(add)
		if ip := v.IP(); ip.IsValid() {
			b := ip.As16()
			add(term{fieldAddress, string(b[:])})
		}
	}
	return entries, keys
}

// AddressRange returns the lowest and the highest key of the addresses in a network.
func AddressRange(network netip.Prefix) (low, high []byte) {
	first, last := addressRange(network)
	return term{fieldAddress, string(first[:])}.key(), term{fieldAddress, string(last[:])}.key()
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
