package projection

import (
	"net/netip"
	"slices"
)

// networksTried is the most networks that a search by address looks into. With more,
// looking at all sessions is as good.
const networksTried = 256

// field is a property that sessions are found by.
type field byte

const (
	fieldAll     field = '*'
	fieldService field = 's'
	fieldServer  field = 'v'
	fieldSource  field = 'o'
	fieldUser    field = 'u'
	fieldAddress field = 'a'
	// By these only the present value of a live session is found.
	fieldDatabase field = 'd'
	fieldProgram  field = 'p'
	// Live sessions are not found by these.
	fieldReason      field = 'r'
	fieldBy          field = 'b'
	fieldNetwork     field = 'n' // 24 bits of IPv4, 64 of IPv6
	fieldWideNetwork field = 'w' // 16 bits of IPv4, 48 of IPv6
	fieldReturned    field = '!' // sessions that were lost once, without a value
	// By these chunks of the log are found.
	fieldFeedKind   field = 'K'
	fieldFeedSource field = 'F'
)

// term is a value of a field: the key of a name, a user, or the first bytes of an address.
type term struct {
	field field
	value string
}

// terms calls do for every term of the session, some possibly twice. Users and servers are
// never removed, so that an older value of the session is found by its terms as well.
func (s *Session) terms(do func(term)) {
	origin := s.Origin()
	do(term{fieldService, NameKey(origin.Service)})
	do(term{fieldSource, NameKey(origin.Source)})
	for _, user := range s.users() {
		do(term{fieldUser, user})
	}
	for i := range s.Connections {
		if c := &s.Connections[i]; c.State != Failed {
			do(term{fieldServer, NameKey(c.Server())})
		}
	}
}

// liveIndex has a posting list of the live sessions for each term, and for the network of
// the address. A network is about one office or one rack.
type liveIndex struct {
	lists map[term]*postingList
	// networks4 and networks6 are the terms that are networks of IPv4 and of IPv6.
	networks4, networks6 networkSet
}

func newLiveIndex() liveIndex { return liveIndex{lists: make(map[term]*postingList)} }

func (x *liveIndex) add(t term, id uint64) {
	p := x.lists[t]
	if p == nil {
		p = new(postingList)
		x.lists[t] = p
		if t.field == fieldAddress {
			x.networksLike(t).add(t)
		}
	}
	p.add(id)
}

func (x *liveIndex) remove(t term, id uint64) {
	p := x.lists[t]
	if p == nil {
		return
	}
	if p.remove(id); p.count == 0 {
		delete(x.lists, t)
		if t.field == fieldAddress {
			x.networksLike(t).remove(t)
		}
	}
}

// networksLike returns the networks of the family that a network's term is of.
func (x *liveIndex) networksLike(t term) *networkSet {
	if isIPv4(t) {
		return &x.networks4
	}
	return &x.networks6
}

// isIPv4 reports whether a network's term is of IPv4.
func isIPv4(t term) bool { return len(t.value) == (96+24)/8 }

// presentTerms calls do for the terms that the session is found by as it is now alone.
func (s *Session) presentTerms(do func(term)) {
	login := s.Login()
	if login.Database != "" {
		do(term{fieldDatabase, login.Database})
	}
	if login.Program != "" {
		do(term{fieldProgram, login.Program})
	}
}

// put adds a session.
func (x *liveIndex) put(v *Session) {
	v.terms(func(t term) { x.add(t, v.ID) })
	v.presentTerms(func(t term) { x.add(t, v.ID) })
	if ip := v.IP(); ip.IsValid() {
		x.add(networkOf(ip), v.ID)
	}
}

// drop removes a session.
func (x *liveIndex) drop(v *Session) {
	v.terms(func(t term) { x.remove(t, v.ID) })
	v.presentTerms(func(t term) { x.remove(t, v.ID) })
	if ip := v.IP(); ip.IsValid() {
		x.remove(networkOf(ip), v.ID)
	}
}

// update adds the terms that the new value of a session has and the old one has not: a
// user or a server. It removes those that are of the old value alone.
func (x *liveIndex) update(old, v *Session) {
	if old.login != v.login {
		old.presentTerms(func(t term) { x.remove(t, v.ID) })
		v.presentTerms(func(t term) { x.add(t, v.ID) })
		users := v.users()
		for _, user := range users {
			x.add(term{fieldUser, user}, v.ID)
		}
		if was := old.Login().User; !slices.Contains(users, was) {
			x.remove(term{fieldUser, was}, v.ID) // it is one of manyUsers now
		}
	}
	for i := len(old.Connections); i < len(v.Connections); i++ {
		if c := &v.Connections[i]; c.State != Failed {
			x.add(term{fieldServer, NameKey(c.Server())}, v.ID)
		}
	}
}

// networkBits returns the length, in the 16 bytes of an address, of the networks that
// sessions are found by: 24 bits of IPv4, 64 of IPv6.
func networkBits(a netip.Addr) int {
	if a.Is4() {
		return 96 + 24
	}
	return 64
}

// wideNetworkBits is networkBits for the networks of many offices: 16 bits of IPv4, 48 of
// IPv6.
func wideNetworkBits(a netip.Addr) int {
	if a.Is4() {
		return 96 + 16
	}
	return 48
}

func networkOf(a netip.Addr) term {
	b := a.As16()
	return term{fieldAddress, string(b[:networkBits(a)/8])}
}

// choose returns the posting lists of the filter's field with the fewest sessions. It
// returns false if the filter has no such field, and all sessions have to be visited. The
// lists also have the sessions that matched once, unless present is set.
func (x *liveIndex) choose(m *Matcher, present bool) (best []*postingList, found bool) {
	least := 0
	consider := func(lists []*postingList) {
		n := 0
		for _, p := range lists {
			n += p.count
		}
		if !found || n < least {
			best, least, found = lists, n, true
		}
	}
	groups := m.terms()
	if present {
		groups = append(groups, m.presentTerms()...)
	}
	for _, group := range groups {
		var lists []*postingList
		for _, t := range group {
			if p := x.lists[t]; p != nil {
				lists = append(lists, p)
			}
		}
		consider(lists)
	}
	if lists, few := inNetworks(m.filter.Networks, x.lists, x.networksLike); few && len(m.filter.Networks) > 0 {
		consider(lists)
	}
	return best, found
}

// inNetworks returns the lists of the networks that overlap the given ones. It returns false
// if they are too many. It costs the lists it returns, however many networks there are. like
// returns the networks of the family that a network's term is of.
func inNetworks[L any](wanted []netip.Prefix, lists map[term]L, like func(term) *networkSet) (all []L, few bool) {
	seen := make(map[term]bool)
	take := func(t term) bool {
		if l, exists := lists[t]; exists && !seen[t] {
			seen[t] = true
			all = append(all, l)
		}
		return len(all) <= networksTried
	}
	for _, network := range wanted {
		if bits := bitsOf16(network); bits >= networkBits(network.Addr()) {
			take(networkOf(network.Addr()))
		} else {
			low, high := addressRange(network)
			like(networkOf(network.Addr())).between(low, high, take)
		}
		if len(all) > networksTried {
			return nil, false
		}
	}
	return all, true
}

// bitsOf16 returns the length of a network in the 16 bytes of an address.
func bitsOf16(network netip.Prefix) int {
	if network.Addr().Is4() {
		return 96 + network.Bits()
	}
	return network.Bits()
}
