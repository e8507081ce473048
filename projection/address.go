package projection

import "net/netip"

// IP is the client's address, IPv4 in IPv6 unmapped; not valid when it is unknown
// or no IP address. [Session.Address] is its text.
func (s *Session) IP() netip.Addr {
	if s.address == [16]byte{} {
		return netip.Addr{}
	}
	return netip.AddrFrom16(s.address).Unmap()
}
