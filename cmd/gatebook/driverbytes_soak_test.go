//go:build soak

package main_test

import (
	"bytes"
	be "encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// tappedPair is what the taps before and behind a gateway have counted.
type tappedPair struct {
	front, back *tap
	// connectionOf returns the server's own number for a connection, 0 if it has sent none.
	connectionOf func(c *tapped) uint64
}

// byteCount is what came of comparing bytes.
type byteCount struct {
	// equal connections have counted the same, in bytes; of secure and broken ones the counts
	// were compared as bounds. To late ones the client has sent more than was read: the server had
	// ended the session.
	equal, secure, broken, late, differ int
	bytes                               uint64
}

// compareBytes compares what the book has counted of each session with what the taps have. The
// book counts plaintext: of a connection with TLS it must have counted less, by the handshake and by
// what each record adds. Of one that
// a side has reset, what was under way then is in one of the counts and not in the other, and so is
// what a client sends when its server has ended the session. It
// returns the sessions one of whose sides, and not the gateway, has reset its connection.
func compareBytes(t *testing.T, taps tappedPair, sessions []*recordedSession) (resets map[uint64]bool) {
	t.Helper()
	eventually(t, "the taps have no connection", func() bool { return taps.front.running.Load()+taps.back.running.Load() == 0 })
	count := &byteCount{}
	resets = make(map[uint64]bool)
	fronts := make(map[int][]*tapped)
	for _, c := range taps.front.connections() {
		fronts[c.port] = append(fronts[c.port], c)
	}
	backs, nameless := make(map[uint64]*tapped), make(map[traffic]int)
	for _, c := range taps.back.connections() {
		if id := taps.connectionOf(c); id != 0 {
			backs[id] = c
		} else {
			nameless[traffic{BytesRead: c.down.bytes, BytesWritten: c.up.bytes}]++
		}
	}
	for _, s := range sessions {
		if len(fronts[s.port]) == 0 {
			t.Errorf("session %d: the tap has seen no client from port %d", s.id, s.port)
			continue
		}
		c := fronts[s.port][0]
		fronts[s.port] = fronts[s.port][1:]
		resets[s.id] = c.clientReset.Load()
		count.compare(t, fmt.Sprintf("session %d, client", s.id), s.client, traffic{c.up.bytes, c.down.bytes}, s.clientCalls, c, s.reason == "server_closed")
		switch c := backs[s.connection]; {
		case c != nil:
			delete(backs, s.connection)
			resets[s.id] = resets[s.id] || c.serverReset.Load()
			count.compare(t, fmt.Sprintf("session %d, server", s.id), s.server, traffic{c.down.bytes, c.up.bytes}, s.serverCalls, c, false)
		case s.connection != 0:
			t.Errorf("session %d: the tap has seen no connection %d", s.id, s.connection)
		case s.reached:
			nameless[s.server]--
			count.equal++
			count.bytes += s.server.BytesRead + s.server.BytesWritten
		}
	}
	for _, port := range slices.Sorted(maps.Keys(fronts)) {
		for _, c := range fronts[port] {
			t.Errorf("a client from port %d is no session: it sent %d bytes, and got %d", port, c.up.bytes, c.down.bytes)
		}
	}
	unreached := 0
	for _, s := range sessions {
		if !s.reached {
			unreached++
		}
	}
	for id, c := range backs {
		// One that was reached just when its client hung up is not on the record.
		if unreached--; unreached < 0 || c.up.bytes > 0 {
			t.Errorf("connection %d of the server is of no session: it got %d bytes, and sent %d", id, c.up.bytes, c.down.bytes)
		}
	}
	for counted, n := range nameless {
		for n > 0 && unreached > 0 && counted.BytesWritten == 0 {
			n, unreached = n-1, unreached-1
		}
		if n != 0 {
			t.Errorf("%+v of connections without a number: %d times more in the tap than in the book", counted, n)
		}
	}
	t.Logf("bytes: %d connections equal, with %d bytes; %d with TLS, %d reset, %d late; %d differ", count.equal, count.bytes, count.secure, count.broken, count.late, count.differ)
	return resets
}

// What TLS adds at most: the handshake with its certificates and tickets, and a record.
const (
	handshakeSize  = 8 << 10
	recordOverhead = 5 + 8 + 1 + 16
)

// fits reports whether so many plaintext bytes, in so many records, may be those that have passed.
func fits(plain, records, passed uint64) bool {
	return plain <= passed && passed <= plain+records*recordOverhead+handshakeSize
}

// compare compares one connection. counted is what the book has, passed what the tap has. ended: the
// gateway has closed it because the server had ended the session.
func (n *byteCount) compare(t *testing.T, what string, counted, passed traffic, records calls, c *tapped, ended bool) {
	t.Helper()
	switch {
	case c.secure():
		n.secure++
		reset := c.clientReset.Load() || c.serverReset.Load()
		if !reset && (!fits(counted.BytesRead, records.Reads, passed.BytesRead) || !fits(counted.BytesWritten, records.Writes, passed.BytesWritten)) {
			t.Errorf("%s: counted %+v in %+v, and %+v have passed with TLS", what, counted, records, passed)
		}
	case counted == passed:
		n.equal++
		n.bytes += counted.BytesRead + counted.BytesWritten
	case c.clientReset.Load() || c.serverReset.Load():
		n.broken++
		t.Logf("%s, reset: counted %+v, passed %+v", what, counted, passed)
	case ended && counted.BytesRead < passed.BytesRead && counted.BytesWritten == passed.BytesWritten:
		n.late++
		t.Logf("%s, ended by the server: counted %+v, passed %+v", what, counted, passed)
	default:
		if n.differ++; n.differ <= 10 {
			t.Errorf("%s: counted %+v, and %+v have passed", what, counted, passed)
		}
	}
}

// mariadbConnection returns the number in the greeting of MariaDB.
func mariadbConnection(c *tapped) uint64 {
	const headers = 4 + 1
	end := bytes.IndexByte(c.down.head[min(headers, len(c.down.head)):], 0)
	if end < 0 || c.down.head[4] != 10 || len(c.down.head) < headers+end+5 {
		return 0
	}
	return uint64(be.LittleEndian.Uint32(c.down.head[headers+end+1:]))
}

// postgresConnection returns the number in the key that PostgreSQL has sent.
func postgresConnection(c *tapped) uint64 {
	up, head := c.up.head, c.down.head
	for len(head) > 0 && isNegotiation(up) {
		up, head = up[8:], head[1:]
	}
	for len(head) >= 9 {
		if head[0] == 'K' {
			return uint64(be.BigEndian.Uint32(head[5:]))
		}
		head = head[min(len(head), 1+int(be.BigEndian.Uint32(head[1:]))):]
	}
	return 0
}

// isNegotiation reports whether a client of PostgreSQL asks for encryption first.
func isNegotiation(head []byte) bool {
	return len(head) >= 8 && be.BigEndian.Uint32(head) == 8 && be.BigEndian.Uint16(head[4:]) == 1234
}
