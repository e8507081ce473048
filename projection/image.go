package projection

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"gatebook/events"
	"gatebook/events/wire"
)

// The tables of a checkpoint. Their keys are ids as 8 bytes, big-endian, or the keys of
// names.
const (
	tableLive     = "live"
	TableClosed   = "closed"
	TableLost     = "lost"
	tableServices = "services"
	tableServers  = "servers"
	tableSources  = "sources"
	tableTotals   = "totals"
	// TableSourceKeys has the ids of ended sessions by their source keys.
	TableSourceKeys = "keys"
)

// Tables returns the names of all tables.
func Tables() []string {
	return []string{tableLive, TableClosed, TableLost, tableServices, tableServers, tableSources, tableTotals, TableSourceKeys}
}

// IDKey returns the key of a session's row.
func IDKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// AppendTo appends the value of the session's row to b.
func (s *Session) AppendTo(b []byte) []byte {
	c := wire.NewEncoder(b)
	s.fields(&c)
	return c.Bytes()
}

// DecodeSession decodes the value of a session's row. The error wraps [wire.ErrMalformed].
func DecodeSession(row []byte, strings *wire.Strings) (*Session, error) {
	return decodeSession(row, strings, new(wire.Coder))
}

// decodeSession is [DecodeSession] with a coder that serves many rows.
func decodeSession(row []byte, strings *wire.Strings, c *wire.Coder) (*Session, error) {
	s := &Session{}
	c.Decode(row, strings)
	s.fields(c)
	if err := c.Finish(); err != nil {
		return nil, fmt.Errorf("session row: %w", err)
	}
	return s, nil
}

func (s *Session) fields(c *wire.Coder) {
	address := s.Address()
	wire.Uint(c, 1, &s.ID)
	wire.Uint(c, 2, &s.Version)
	wire.Int(c, 3, &s.Opened)
	wire.Int(c, 4, &s.Ready)
	wire.Int(c, 5, &s.Active)
	wire.Handle(c, 6, &s.origin, (*Origin).fields)
	wire.Handle(c, 7, &s.login, (*Login).fields)
	c.Opaque(8, &address)
	wire.Uint(c, 9, &s.Port)
	wire.Uint(c, 10, &s.Status)
	wire.Uint(c, 11, &s.Stage)
	wire.Nested(c, 12, &s.counters, (*counters).fields)
	wire.List(c, 13, &s.Connections, (*Connection).fields)
	c.Opaque(14, &s.trail)
	s.extraFields(c)
	wire.Int(c, 16, &s.Modified)
	if c.Decoding() {
		s.setAddress(address)
		s.check(c, address)
	}
}

// extraFields visits what few sessions have. A row without it takes no memory for it.
func (s *Session) extraFields(c *wire.Coder) {
	const tag = 15
	if c.Decoding() && !c.Next(tag) {
		return
	}
	x := *s.extraOrZero()
	wire.Nested(c, tag, &x, (*extra).fields)
	if c.Decoding() && x != (extra{}) {
		s.extra = &x
	}
}

// check fails the decoding of values that [Session.AppendTo] does not write.
func (s *Session) check(c *wire.Coder, address string) {
	var canonical [64]byte
	switch {
	case s.address != [16]byte{} && string(netip.AddrFrom16(s.address).Unmap().AppendTo(canonical[:0])) != address:
		c.Fail("address %q is not in its canonical form", address)
	case s.Status > Lost:
		c.Fail("there is no status %d", s.Status)
	case s.Stage > Stopping:
		c.Fail("there is no stage %d", s.Stage)
	}
	for i := range s.Connections {
		if state := s.Connections[i].State; state > Failed {
			c.Fail("there is no state %d of a connection", state)
		}
	}
}

func (v *Origin) fields(c *wire.Coder) {
	c.Text(1, &v.Source)
	c.Text(2, &v.Incarnation)
	c.Text(3, &v.Service)
	c.Text(4, &v.Listener)
	c.Text(5, &v.Protocol)
}

func (v *Login) fields(c *wire.Coder) {
	c.Text(1, &v.User)
	c.Text(2, &v.Database)
	c.LongText(3, &v.Program)
}

func (v *counters) fields(c *wire.Coder) {
	r := v.rareOrZero()
	wire.Uint(c, 1, &v.reads)
	wire.Uint(c, 2, &v.writes)
	wire.Uint(c, 3, &v.bytesRead)
	wire.Uint(c, 4, &v.bytesWritten)
	wire.Uint(c, 5, &r.buffered)
	wire.Uint(c, 6, &r.high)
	wire.Uint(c, 7, &r.low)
	wire.Int(c, 8, &r.closed)
	c.Text(9, &r.cause)
	if c.Decoding() && r != (rare{}) {
		kept := r // r stays on the stack: few have any of it
		v.rare = &kept
	}
}

func (v *Connection) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Number)
	c.TextHandle(2, &v.server)
	wire.Uint(c, 3, &v.ServerID)
	wire.Int(c, 4, &v.Opened)
	wire.Uint(c, 5, &v.State)
	wire.Uint(c, 6, &v.Reason)
	wire.Nested(c, 7, &v.counters, (*counters).fields)
}

func (v *extra) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Type)
	c.Text(2, &v.Key)
	c.Text(3, &v.TLS)
	c.Text(4, &v.Subject)
	c.Text(5, &v.Kill.By)
	c.LongText(6, &v.Kill.Why)
	wire.Int(c, 7, &v.Kill.Due)
	wire.Int(c, 8, &v.Kill.Requested)
	wire.Int(c, 9, &v.Ending.Ended)
	wire.Uint(c, 10, &v.Ending.Reason)
	c.Text(11, &v.Ending.By)
	c.LongText(12, &v.Ending.Description)
	wire.Int(c, 13, &v.Ending.LastSeen)
	c.Text(15, &v.Incarnation)
	c.Bool(17, &v.WasLost)
	c.Opaque(18, &v.Former)
}

func (v *Service) fields(c *wire.Coder) {
	c.Text(1, &v.Name)
	c.Text(2, &v.Source)
	c.Text(3, &v.Protocol)
	c.Text(4, &v.Router)
	c.Texts(5, &v.Listeners)
	c.Texts(6, &v.Servers)
	wire.Int(c, 7, &v.Started)
	wire.Uint(c, 8, &v.Total)
	wire.Uint(c, 9, &v.Current)
	wire.Uint(c, 10, &v.Version)
	c.Bool(11, &v.Stopped)
	wire.Int(c, 12, &v.Modified)
	wire.Nested(c, 13, &v.Sessions, (*Change).fields)
	c.Text(14, &v.NamedBy)
}

func (v *Server) fields(c *wire.Coder) {
	c.Text(1, &v.Name)
	c.Text(2, &v.Source)
	c.Text(3, &v.Address)
	wire.Uint(c, 4, &v.Port)
	c.Text(5, &v.Protocol)
	wire.Uint(c, 6, &v.State)
	wire.Int(c, 7, &v.Since)
	c.Text(8, &v.Cause)
	wire.Uint(c, 9, &v.Total)
	wire.Uint(c, 10, &v.Current)
	wire.Uint(c, 11, &v.Version)
	wire.Int(c, 12, &v.Modified)
	wire.Nested(c, 13, &v.Sessions, (*Change).fields)
	c.Text(14, &v.NamedBy)
}

func (v *Source) fields(c *wire.Coder) {
	c.Text(1, &v.Name)
	c.Text(2, &v.Incarnation)
	c.Text(3, &v.Version)
	c.Text(4, &v.Host)
	wire.Uint(c, 5, &v.State)
	wire.Int(c, 6, &v.Started)
	wire.Int(c, 7, &v.LastSeen)
	wire.Int(c, 8, &v.Lease)
	wire.Uint(c, 9, &v.Changed)
	wire.Int(c, 10, &v.Modified)
	wire.Uint(c, 11, &v.Number)
	wire.Uint(c, 12, &v.First)
	c.Texts(13, &v.Former)
	wire.Nested(c, 14, &v.Sessions, (*Change).fields)
	wire.Nested(c, 15, &v.Unrecorded, (*Unrecorded).fields)
	c.Text(16, &v.Account)
}

func (v *Unrecorded) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Sessions)
	wire.Uint(c, 2, &v.Events)
	wire.Int(c, 3, &v.From)
	wire.Int(c, 4, &v.Until)
}

func (v *Change) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Sequence)
	wire.Int(c, 2, &v.Recorded)
}

// totalsRow is the one row of the table of totals.
type totalsRow struct {
	Totals
	changed  Change
	recorded events.Time
	lastID   uint64
	services []string // the keys of all services, in their order
	servers  []string
	sources  []string
}

func (v *totalsRow) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Closed)
	wire.Uint(c, 2, &v.Lost)
	wire.Int(c, 3, &v.recorded)
	wire.Uint(c, 4, &v.lastID)
	c.Texts(5, &v.services)
	c.Texts(6, &v.servers)
	c.Texts(7, &v.sources)
	wire.Uint(c, 8, &v.changed.Sequence)
	wire.Int(c, 9, &v.changed.Recorded)
}
