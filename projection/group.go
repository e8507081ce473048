package projection

import (
	"net/netip"
	"slices"

	"gatebook/events"
)

// Group is a property that sessions are counted by.
type Group uint8

// The groups. A session belongs to each server that it reached, and to the hour in which it
// was opened. A network is one of 24 bits of IPv4, or 64 of IPv6.
const (
	GroupUser Group = iota
	GroupService
	GroupServer
	GroupAddress
	GroupNetwork
	GroupReason
	GroupBy
	GroupSource
	GroupHour
)

var groupFields = [...]field{
	GroupUser: fieldUser, GroupService: fieldService, GroupServer: fieldServer, GroupAddress: fieldAddress,
	GroupNetwork: fieldNetwork, GroupReason: fieldReason, GroupBy: fieldBy, GroupSource: fieldSource,
}

// Hour is an hour in the unit of [events.Time].
const Hour = events.Time(3600 * 1_000_000)

// String returns the group's name.
func (g Group) String() string {
	names := [...]string{"user", "service", "server", "address", "network", "reason", "by", "source", "hour"}
	if int(g) < len(names) {
		return names[g]
	}
	return ""
}

// Complete reports whether every ended session has exactly one index key of the group.
func (g Group) Complete() bool {
	return slices.Contains([]Group{GroupUser, GroupService, GroupReason, GroupSource}, g)
}

// KeyRanges returns the lowest and the highest keys of the archive's indexes that the group's
// values have.
func (g Group) KeyRanges() (ranges [][2][]byte) {
	of := []byte{byte(groupFields[g])}
	if g == GroupAddress || g == GroupNetwork {
		of = append(of, of[0]|ofIPv6)
	}
	for _, f := range of {
		low, high := make([]byte, indexKeySize), make([]byte, indexKeySize)
		for i := range high {
			high[i] = 0xff
		}
		low[0], high[0] = f, f
		ranges = append(ranges, [2][]byte{low, high})
	}
	return ranges
}

// GroupValue is a value of a group, and the key of the archive's indexes that it has.
type GroupValue struct {
	Key [indexKeySize]byte
	// Text is the value: a name as the session has it, a user, an address, a network, or the
	// name of a reason. Hour is the hour.
	Text string
	Hour events.Time
}

// Values returns the values that a session has of the group; none where it has none.
func (g Group) Values(v *Session) (all []GroupValue) {
	add := func(value, text string) {
		if text != "" {
			all = append(all, GroupValue{Key: term{groupFields[g], value}.key(), Text: text})
		}
	}
	switch ip := v.IP(); g {
	case GroupUser:
		add(v.Login().User, v.Login().User)
	case GroupService:
		add(NameKey(v.Origin().Service), v.Origin().Service)
	case GroupSource:
		add(NameKey(v.Origin().Source), v.Origin().Source)
	case GroupReason:
		add(v.Ending().Reason.String(), v.Ending().Reason.String())
	case GroupBy:
		add(v.Ending().By, v.Ending().By)
	case GroupHour:
		all = append(all, GroupValue{Hour: v.Opened - (v.Opened%Hour+Hour)%Hour})
	case GroupServer:
		for _, name := range v.Servers() {
			if value := (GroupValue{Key: term{fieldServer, NameKey(name)}.key(), Text: name}); !slices.ContainsFunc(all, value.is) {
				all = append(all, value)
			}
		}
	case GroupAddress, GroupNetwork:
		if ip.IsValid() {
			bits := 128
			if g == GroupNetwork {
				bits = networkBits(ip)
			}
			key := addressKey(groupFields[g], v.address, ip.Is4(), bits)
			all = append(all, GroupValue{Key: key, Text: g.TextOf(key[:])})
		}
	}
	return all
}

func (v *GroupValue) is(other GroupValue) bool { return v.Key == other.Key }

// TextOf returns the value that a key of the archive's indexes stands for, "" where the key
// does not tell.
func (g Group) TextOf(key []byte) string {
	if g != GroupAddress && g != GroupNetwork {
		return ""
	}
	a := netip.AddrFrom16([16]byte(key[1:indexKeySize]))
	if key[0]&ofIPv6 == 0 {
		a = a.Unmap()
	}
	if g == GroupAddress {
		return a.String()
	}
	bits := networkBits(a)
	if a.Is4() {
		bits -= 96
	}
	return netip.PrefixFrom(a, bits).String()
}

// NoValue returns the value of the sessions that have none.
func (g Group) NoValue() (v GroupValue) {
	if g == GroupUser || g == GroupServer { // these have a key of the archive's indexes too
		v.Key = term{field: groupFields[g]}.key()
	}
	return v
}
