package projection

import (
	"net/netip"
	"slices"
)

// networksTried bounds how many networks a search by address looks into: beyond it,
// looking at all sessions is as good.
const networksTried = 256

// field is something that sessions are found by.
type field byte

const (
	fieldAll     field = '*'
	fieldService field = 's'
	fieldServer  field = 'v'
	fieldSource  field = 'o'
	fieldUser    field = 'u'
	fieldAddress field = 'a'
)

// term is an field and what it is for some sessions: the key of a name, a user, or
// the first bytes of an address.
type term struct {
	field field
	value string
}

// terms calls do for all that a session is found by, whatever it has been before:
// users and servers never go, so that an older value of a session is found by them
// as well. Some may come twice.
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

// liveIndex finds live sessions by their terms, and by the network their address is
// in: what one office or one rack shares.
type liveIndex map[term]*posting

func (x liveIndex) add(t term, id uint64) {
	p := x[t]
	if p == nil {
		p = new(posting)
		x[t] = p
	}
	p.add(id)
}

func (x liveIndex) remove(t term, id uint64) {
	if p := x[t]; p != nil {
		if p.remove(id); p.count == 0 {
			delete(x, t)
		}
	}
}

func (x liveIndex) put(v *Session) {
	v.terms(func(t term) { x.add(t, v.ID) })
	if ip := v.IP(); ip.IsValid() {
		x.add(networkOf(ip), v.ID)
	}
}

func (x liveIndex) drop(v *Session) {
	v.terms(func(t term) { x.remove(t, v.ID) })
	if ip := v.IP(); ip.IsValid() {
		x.remove(networkOf(ip), v.ID)
	}
}

// networkBits is the length of the networks that addresses are found by, in their
// 16 bytes: 24 bits of IPv4, 64 of IPv6.
func networkBits(a netip.Addr) int {
	if a.Is4() {
		return 96 + 24
	}
	return 64
}

func networkOf(a netip.Addr) term {
	b := a.As16()
	return term{fieldAddress, string(b[:networkBits(a)/8])}
}

// choose returns the postings of the filter's field that the fewest sessions have
// in common; none, and false, when all have to be looked at. asOf tells that what
// sessions were is asked for, and not what they are.
func (x liveIndex) choose(m *Matcher) (best []*posting, found bool) {
	least := 0
	consider := func(postings []*posting) {
		n := 0
		for _, p := range postings {
			n += p.count
		}
		if !found || n < least {
			best, least, found = postings, n, true
		}
	}
	for _, group := range m.terms() {
		var postings []*posting
		for _, t := range group {
			if p := x[t]; p != nil {
				postings = append(postings, p)
			}
		}
		consider(postings)
	}
	if postings, few := x.networks(m.filter.Networks); few && len(m.filter.Networks) > 0 {
		consider(postings)
	}
	return best, found
}

// networks are the postings of the networks that some of these have addresses of;
// few is false when there are too many.
func (x liveIndex) networks(wanted []netip.Prefix) (all []*posting, few bool) {
	seen := make(map[term]bool)
	for _, network := range wanted {
		bits := network.Bits()
		if network.Addr().Is4() {
			bits += 96
		}
		if bits >= networkBits(network.Addr()) {
			if t := networkOf(network.Addr()); !seen[t] && x[t] != nil {
				seen[t] = true
				all = append(all, x[t])
			}
			continue
		}
		for t, p := range x {
			if t.field == fieldAddress && !seen[t] && network.Contains(addressIn(t)) {
				seen[t] = true
				all = append(all, p)
			}
		}
	}
	return all, len(all) <= networksTried
}

// addressIn is an address of the network that a term stands for.
func addressIn(t term) netip.Addr {
	var b [16]byte
	copy(b[:], t.value)
	return netip.AddrFrom16(b).Unmap()
}

// amend puts in what a session has got since: a user or a connection.
func (x liveIndex) update(old, v *Session) {
	if old.login != v.login {
		users := v.users()
		for _, user := range users {
			x.add(term{fieldUser, user}, v.ID)
		}
		if was := old.Login().User; !slices.Contains(users, was) {
			x.remove(term{fieldUser, was}, v.ID) // it is one of many now
		}
	}
	for i := len(old.Connections); i < len(v.Connections); i++ {
		if c := &v.Connections[i]; c.State != Failed {
			x.add(term{fieldServer, NameKey(c.Server())}, v.ID)
		}
	}
}
