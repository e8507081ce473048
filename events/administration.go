package events

import "gatebook/events/wire"

// AccountChanged records a change to an account of the API.
type AccountChanged struct {
	// Change is the kind of change: "added", "role", "password", "token", "token_revoked", "removed".
	Change string
	Role   string

	// Account is the name of the account. Personal, of the subject.
	Account string
	// By is the user that changed it. Personal, of the actor.
	By string
}

// Kind returns [KindAccountChanged].
func (*AccountChanged) Kind() Kind { return KindAccountChanged }

func (e *AccountChanged) core(c *wire.Coder) {
	c.Text(1, &e.Change)
	c.Text(2, &e.Role)
}

func (e *AccountChanged) personal(p *personalCoders) {
	p.subject.Text(1, &e.Account)
	p.actor.Text(2, &e.By)
}

// HoldChanged records that sessions are protected from pruning, or no longer are.
type HoldChanged struct {
	// Name is the name of the hold. Held is false when the hold was lifted.
	Name string
	Held bool

	// User is the user whose sessions it protects, "" for those of all users. Personal, of the subject.
	User string
	// By is the user that changed it. Personal, of the actor.
	By string
	// Why is free text. Personal, of the actor.
	Why string
}

// Kind returns [KindHoldChanged].
func (*HoldChanged) Kind() Kind { return KindHoldChanged }

func (e *HoldChanged) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	c.Bool(2, &e.Held)
}

func (e *HoldChanged) personal(p *personalCoders) {
	p.subject.Text(1, &e.User)
	p.actor.Text(2, &e.By)
	p.actor.LongText(3, &e.Why)
}

// RecordsPruned records that a retention rule removed records.
type RecordsPruned struct {
	// Rule is the name of the rule in the configuration.
	Rule string
	// Sessions and Records are the numbers removed. All of them were recorded before
	// Before.
	Sessions, Records uint64
	Before            Time

	// By is the user that applied the rule, "" for the registry itself. Personal, of the actor.
	By string
}

// Kind returns [KindRecordsPruned].
func (*RecordsPruned) Kind() Kind { return KindRecordsPruned }

func (e *RecordsPruned) core(c *wire.Coder) {
	c.Text(1, &e.Rule)
	wire.Uint(c, 2, &e.Sessions)
	wire.Uint(c, 3, &e.Records)
	wire.Int(c, 4, &e.Before)
}

func (e *RecordsPruned) personal(p *personalCoders) { p.actor.Text(1, &e.By) }

// PersonErased records that the personal parts of one person's records were deleted. It
// does not name the person.
type PersonErased struct {
	Sessions, Records uint64

	// By is the user that erased them. Personal, of the actor.
	By string
}

// Kind returns [KindPersonErased].
func (*PersonErased) Kind() Kind { return KindPersonErased }

func (e *PersonErased) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Sessions)
	wire.Uint(c, 2, &e.Records)
}

func (e *PersonErased) personal(p *personalCoders) { p.actor.Text(1, &e.By) }

// LogRestored records that the log was restored from a backup, imported or salvaged, or was signed although it may
// lack records: what was recorded after its last record then is not in it.
type LogRestored struct {
	// Records is the sequence of the backup's last record, Root the root of the Merkle tree over
	// its records in hexadecimal.
	Records uint64
	Root    string
	// Taken is when the backup was begun; or, without a backup, the time of the last record.
	Taken Time
	// NextSession is the id of the next session. Ids below it may have been given to sessions
	// after the backup's last record.
	NextSession uint64

	// By is the user that restored it. Personal, of the actor.
	By string
}

// Kind returns [KindLogRestored].
func (*LogRestored) Kind() Kind { return KindLogRestored }

func (e *LogRestored) core(c *wire.Coder) {
	wire.Uint(c, 1, &e.Records)
	c.Text(2, &e.Root)
	wire.Int(c, 3, &e.Taken)
	wire.Uint(c, 4, &e.NextSession)
}

func (e *LogRestored) personal(p *personalCoders) { p.actor.Text(1, &e.By) }

// KeyRotated records that another key signs the heads of the log, from this record on.
type KeyRotated struct {
	// Key and Before are the verifier keys of the new key and of the one before it.
	Key, Before string
	// Endorsement is a signed note in which the key before vouches for the new one; "" where it
	// was lost.
	Endorsement string
	// Head is the newest head that the key before had signed, as a signed note; "" where that
	// was lost too. Size is the number of records that it covered.
	Head string
	Size uint64

	// By is the user that rotated the key. Personal, of the actor.
	By string
}

// Kind returns [KindKeyRotated].
func (*KeyRotated) Kind() Kind { return KindKeyRotated }

func (e *KeyRotated) core(c *wire.Coder) {
	c.Text(1, &e.Key)
	c.Text(2, &e.Before)
	c.LongText(3, &e.Endorsement)
	c.LongText(4, &e.Head)
	wire.Uint(c, 5, &e.Size)
}

func (e *KeyRotated) personal(p *personalCoders) { p.actor.Text(1, &e.By) }
