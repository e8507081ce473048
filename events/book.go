package events

import "gatebook/events/wire"

// AccountChanged tells of a change to who may use the registry.
type AccountChanged struct {
	// Change is what was done: "added", "role", "password", "token", "removed".
	Change string
	Role   string

	// Account is whose it is. Personal.
	Account string
	// By is who did it. Personal.
	By string
}

// Kind is [KindAccountChanged].
func (*AccountChanged) Kind() Kind { return KindAccountChanged }

func (e *AccountChanged) core(c *wire.Coder) {
	c.Text(1, &e.Change)
	c.Text(2, &e.Role)
}

func (e *AccountChanged) personal(c *wire.Coder) {
	c.Text(1, &e.Account)
	c.Text(2, &e.By)
}

// HoldChanged tells that sessions are kept from pruning, or no longer are.
type HoldChanged struct {
	// Name is the hold's; Held is false when it was lifted.
	Name string
	Held bool

	// User is whose sessions it keeps, "" for everybody's. Personal.
	User string
	// By is who did it. Personal.
	By string
	// Why is free text. Personal.
	Why string
}

// Kind is [KindHoldChanged].
func (*HoldChanged) Kind() Kind { return KindHoldChanged }

func (e *HoldChanged) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	c.Bool(2, &e.Held)
}

func (e *HoldChanged) personal(c *wire.Coder) {
	c.Text(1, &e.User)
	c.Text(2, &e.By)
	c.LongText(3, &e.Why)
}

// RecordsPruned tells that a retention rule removed records.
type RecordsPruned struct {
	// Rule is the rule's name, as in the configuration.
	Rule string
	// Sessions and Records are how many were removed; all were recorded before
	// Before.
	Sessions, Records uint64
	Before            Time

	// By is who applied the rule, "" for the registry itself. Personal.
	By string
}

// Kind is [KindRecordsPruned].
func (*RecordsPruned) Kind() Kind { return KindRecordsPruned }

func (e *RecordsPruned) core(c *wire.Coder) {
	c.Text(1, &e.Rule)
	wire.Uint(c, 2, &e.Sessions)
	wire.Uint(c, 3, &e.Records)
	wire.Int(c, 4, &e.Before)
}

func (e *RecordsPruned) personal(c *wire.Coder) { c.Text(1, &e.By) }

// PersonErased tells that the personal parts of somebody's records were
// deleted. It never says whose.
type PersonErased struct {
	Sessions, Records uint64

	// By is who did it. Personal.
	By string
}

// Kind is [KindPersonErased].
func (*PersonErased) Kind() Kind { return KindPersonErased }

func (e *PersonErased) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Sessions)
	wire.Uint(c, 2, &e.Records)
}

func (e *PersonErased) personal(c *wire.Coder) { c.Text(1, &e.By) }
