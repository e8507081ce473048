package events

import "gatebook/events/wire"

// ConnectionOpened records that a session reached a server.
type ConnectionOpened struct {
	impersonal
	// Connection is its number in the session, from 1.
	Connection uint32
	Server     string
	// ServerID is the server's own number for it (MySQL thread id, PostgreSQL backend
	// pid), 0 if unknown. A later event of the same connection has it once it is known.
	ServerID uint64
}

// Kind returns [KindConnectionOpened].
func (*ConnectionOpened) Kind() Kind { return KindConnectionOpened }

func (e *ConnectionOpened) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Connection)
	c.Text(2, &e.Server)
	wire.Uint(c, 3, &e.ServerID)
}

// ConnectionFailed records that a session could not reach a server.
type ConnectionFailed struct {
	impersonal
	Connection uint32
	Server     string
	// Cause is the error in the words of the operating system.
	Cause string
}

// Kind returns [KindConnectionFailed].
func (*ConnectionFailed) Kind() Kind { return KindConnectionFailed }

func (e *ConnectionFailed) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Connection)
	c.Text(2, &e.Server)
	c.Text(3, &e.Cause)
}

// ConnectionClosed records that one connection ended while its session goes on.
type ConnectionClosed struct {
	impersonal
	Reason Reason
	Final  Final
}

// Kind returns [KindConnectionClosed].
func (*ConnectionClosed) Kind() Kind { return KindConnectionClosed }

func (e *ConnectionClosed) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Reason)
	wire.Nested(c, 2, &e.Final, (*Final).fields)
}

// StatisticsRecorded records the cumulative counters of one connection.
type StatisticsRecorded struct {
	impersonal
	Final
}

// Kind returns [KindStatisticsRecorded].
func (*StatisticsRecorded) Kind() Kind { return KindStatisticsRecorded }

// The counters are fields of the event itself and not a nested message: this is the
// most frequent event, and it saves two bytes and a call.
func (e *StatisticsRecorded) core(c *wire.Coder) {
	e.Counters.fields(c)
	wire.Uint(c, 8, &e.Connection)
	wire.Int(c, 9, &e.Active)
}
