package projection

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"

	"gatebook/events"
)

// indexKeySize is the length in bytes of a key of the archive's indexes.
const indexKeySize = 17

// Mark says of an ended session what the archive's indexes know of it, or that they
// no longer do.
type IndexEntry struct {
	ID uint64
	// From and Until are when the session began and ended, First and Last the
	// sequences of its first and its last record.
	From, Until events.Time
	First, Last uint64
	// Lost tells the two tables of ended sessions apart.
	Lost bool
	// Gone: the session lives again.
	Gone bool
}

// Under is a key of the archive's indexes, and which marks are made under it: their
// positions, ascending.
type IndexKey struct {
	Key   []byte
	Marks []int32
}

// key is the term as a key of the archive's indexes: its field and 16 bytes, which
// are the address or, of everything else, a part of its hash: no two that anybody
// will ever meet have the same, and what is found is looked at all the same.
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

// Marks are the checkpoint's changes to the indexes of the archive: one for each ended
// session that changed, in ascending order of id, and under which keys. It costs those
// sessions, and needs no lock.
func (c *Checkpoint) IndexEntries() ([]IndexEntry, []IndexKey) {
	slices.SortFunc(c.sessions, byID)
	var marks []IndexEntry
	var under []IndexKey
	places := make(map[term]int)
	mark := func(t term) {
		i, found := places[t]
		if !found {
			i = len(under)
			places[t] = i
			under = append(under, IndexKey{Key: t.key()})
		}
		u, last := &under[i], int32(len(marks)-1)
		if n := len(u.Marks); n == 0 || u.Marks[n-1] != last { // a term may come twice
			u.Marks = append(u.Marks, last)
		}
	}
	for _, v := range c.sessions {
		if v.Status == Live && (!v.extraOrZero().WasLost || v.first() > c.collected) {
			continue
		}
		marks = append(marks, IndexEntry{
			ID: v.ID, From: v.Opened, Until: v.Ended(), First: v.first(), Last: v.Version,
			Lost: v.Status == Lost, Gone: v.Status == Live,
		})
		mark(term{field: fieldAll})
		v.terms(mark)
		if ip := v.IP(); ip.IsValid() {
			b := ip.As16()
			mark(term{fieldAddress, string(b[:])})
		}
	}
	return marks, under
}

// AddressRange are the lowest and the highest key of a network's addresses.
func AddressRange(network netip.Prefix) (low, high []byte) {
	first := network.Masked().Addr().As16()
	last, bits := first, network.Bits()
	if network.Addr().Is4() {
		bits += 96
	}
	a, b := binary.BigEndian.Uint64(last[:8]), binary.BigEndian.Uint64(last[8:])
	if bits < 64 {
		a, b = a|^uint64(0)>>bits, ^uint64(0)
	} else {
		b |= ^uint64(0) >> (bits - 64) // no shift of 64 keeps a bit
	}
	binary.BigEndian.PutUint64(last[:8], a)
	binary.BigEndian.PutUint64(last[8:], b)
	return term{fieldAddress, string(first[:])}.key(), term{fieldAddress, string(last[:])}.key()
}
