package events

import (
	"gatebook/events/wire"
)

// SessionType is the purpose of a client's connection.
type SessionType uint8

// The types of a session.
const (
	// TypeClient is an ordinary client.
	TypeClient SessionType = 0
	// TypeCancel carries a PostgreSQL CancelRequest and nothing else.
	TypeCancel SessionType = 1
)

// String returns the type's name.
func (t SessionType) String() string {
	switch t {
	case TypeClient:
		return "client"
	case TypeCancel:
		return "cancel"
	}
	return ""
}

// SessionOpened records that a client connected. It is the first event of its session.
type SessionOpened struct {
	Type SessionType
	// Source and Incarnation identify the program that reports the session.
	Source      string
	Incarnation string
	Service     string
	Listener    string
	Protocol    string
	// TLS is the version and cipher of the client's connection, "" without TLS.
	TLS string

	// Key is the source's own name for the session, if it has one. Personal, of the subject.
	Key string
	// Address is the client's, in canonical form: IPv4 in IPv6 unmapped. Personal, of the subject.
	Address string
	// Port is the client's. Personal, of the subject.
	Port uint16
	// Subject is that of the client's certificate, if it sent one. Personal, of the subject.
	Subject string
}

// Kind returns [KindSessionOpened].
func (*SessionOpened) Kind() Kind { return KindSessionOpened }

func (e *SessionOpened) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Type)
	c.Text(2, &e.Source)
	c.Text(3, &e.Incarnation)
	c.Text(4, &e.Service)
	c.Text(5, &e.Listener)
	c.Text(6, &e.Protocol)
	c.Text(7, &e.TLS)
}

func (e *SessionOpened) personal(p *personalCoders) {
	p.subject.Text(1, &e.Key)
	p.subject.Text(2, &e.Address)
	wire.Uint(p.subject, 3, &e.Port)
	p.subject.Text(4, &e.Subject)
}

// SessionReady records that the login succeeded. It is recorded again after a change of
// user.
type SessionReady struct {
	Database string

	// User is the user that logged in. Personal, of the subject.
	User string
	// Program is the name that the client gives itself. Personal, of the subject.
	Program string
}

// Kind returns [KindSessionReady].
func (*SessionReady) Kind() Kind { return KindSessionReady }

func (e *SessionReady) core(c *wire.Coder) { c.Text(1, &e.Database) }

func (e *SessionReady) personal(p *personalCoders) {
	p.subject.Text(1, &e.User)
	p.subject.LongText(2, &e.Program)
}

// SessionClosed records the end of a session and of its open connections.
type SessionClosed struct {
	Reason Reason
	// Finals are the last counters of the client's connection and of the connections
	// that this event ends.
	Finals []Final
	// Database is the database that a failed login asked for.
	Database string
	// Type is the session's, where that is no ordinary client: it may have shown only after
	// the session was opened.
	Type SessionType

	// By is the user that ended it, if a user did. Personal, of the actor.
	By string
	// Description is free text: the actor's where a user ended it; otherwise the server's or
	// the source's, which can name the session's user. Personal, accordingly.
	Description string
	// User is the user of a failed login. Personal, of the subject.
	User string
	// Program is the name that the client of a failed login gives itself. Personal, of the subject.
	Program string
}

// Kind returns [KindSessionClosed].
func (*SessionClosed) Kind() Kind { return KindSessionClosed }

func (e *SessionClosed) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Reason)
	wire.List(c, 2, &e.Finals, (*Final).fields)
	c.Text(3, &e.Database)
	wire.Uint(c, 4, &e.Type)
}

func (e *SessionClosed) personal(p *personalCoders) {
	p.actor.Text(1, &e.By)
	if e.By != "" {
		p.actor.LongText(2, &e.Description)
	} else {
		p.subject.LongText(2, &e.Description)
	}
	p.subject.Text(3, &e.User)
	p.subject.LongText(4, &e.Program)
}

// SessionLost records that the end of a session was inferred and not seen.
type SessionLost struct {
	impersonal
	Cause    Reason
	LastSeen Time
}

// Kind returns [KindSessionLost].
func (*SessionLost) Kind() Kind { return KindSessionLost }

func (e *SessionLost) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Cause)
	wire.Int(c, 2, &e.LastSeen)
}

// SessionRecovered records that a lost session is live after all.
type SessionRecovered struct {
	impersonal
	// Incarnation is the one that reported it again.
	Incarnation string
}

// Kind returns [KindSessionRecovered].
func (*SessionRecovered) Kind() Kind { return KindSessionRecovered }

func (e *SessionRecovered) core(c *wire.Coder) { c.Text(1, &e.Incarnation) }

// LoginFailed records that a login over an established session was refused or broken off.
// The session keeps the user that it has. A session whose first login fails ends instead:
// [SessionClosed] has that login.
type LoginFailed struct {
	// Database is the database that the login asked for.
	Database string

	// User is the user that the login asked for. Personal, of the subject.
	User string
	// Program is the name that the client gave itself. Personal, of the subject.
	Program string
	// Description is the server's error, or how the login was broken off. Personal, of the subject.
	Description string
}

// Kind returns [KindLoginFailed].
func (*LoginFailed) Kind() Kind { return KindLoginFailed }

func (e *LoginFailed) core(c *wire.Coder) { c.Text(1, &e.Database) }

func (e *LoginFailed) personal(p *personalCoders) {
	p.subject.Text(1, &e.User)
	p.subject.LongText(2, &e.Program)
	p.subject.LongText(3, &e.Description)
}
