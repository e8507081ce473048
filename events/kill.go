package events

import "gatebook/events/wire"

// KillScheduled tells that somebody wants a session ended at a time to come.
type KillScheduled struct {
	Due Time
	// By is who wants it. Personal.
	By string
	// Why is free text. Personal.
	Why string
}

// Kind is [KindKillScheduled].
func (*KillScheduled) Kind() Kind { return KindKillScheduled }

func (e *KillScheduled) core(c *wire.Coder) { wire.Int(c, 1, &e.Due) }

func (e *KillScheduled) personal(c *wire.Coder) {
	c.Text(1, &e.By)
	c.LongText(2, &e.Why)
}

// KillRequested tells that somebody wants a session ended now. Its source hears
// of it and closes the session.
type KillRequested struct {
	// By is who wants it. Personal.
	By string
	// Why is free text. Personal.
	Why string
}

// Kind is [KindKillRequested].
func (*KillRequested) Kind() Kind { return KindKillRequested }

func (e *KillRequested) core(*wire.Coder) {}

func (e *KillRequested) personal(c *wire.Coder) {
	c.Text(1, &e.By)
	c.LongText(2, &e.Why)
}

// KillWithdrawn tells that a scheduled kill will not come.
type KillWithdrawn struct {
	// By is who withdrew it. Personal.
	By string
	// Why is free text. Personal.
	Why string
}

// Kind is [KindKillWithdrawn].
func (*KillWithdrawn) Kind() Kind { return KindKillWithdrawn }

func (e *KillWithdrawn) core(*wire.Coder) {}

func (e *KillWithdrawn) personal(c *wire.Coder) {
	c.Text(1, &e.By)
	c.LongText(2, &e.Why)
}
