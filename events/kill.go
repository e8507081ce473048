package events

import "gatebook/events/wire"

// KillScheduled records that a user wants a session ended at a later time.
type KillScheduled struct {
	Due Time
	// By is the user that asked for it. Personal, of the actor.
	By string
	// Why is free text. Personal, of the actor.
	Why string
}

// Kind returns [KindKillScheduled].
func (*KillScheduled) Kind() Kind { return KindKillScheduled }

func (e *KillScheduled) core(c *wire.Coder) { wire.Int(c, 1, &e.Due) }

func (e *KillScheduled) personal(p *personalCoders) {
	p.actor.Text(1, &e.By)
	p.actor.LongText(2, &e.Why)
}

// KillRequested records that a user wants a session ended now. The session's source
// receives it and closes the session.
type KillRequested struct {
	// By is the user that asked for it. Personal, of the actor.
	By string
	// Why is free text. Personal, of the actor.
	Why string
}

// Kind returns [KindKillRequested].
func (*KillRequested) Kind() Kind { return KindKillRequested }

func (e *KillRequested) core(*wire.Coder) {}

func (e *KillRequested) personal(p *personalCoders) {
	p.actor.Text(1, &e.By)
	p.actor.LongText(2, &e.Why)
}

// KillWithdrawn records that a scheduled kill was withdrawn.
type KillWithdrawn struct {
	// By is the user that withdrew it. Personal, of the actor.
	By string
	// Why is free text. Personal, of the actor.
	Why string
}

// Kind returns [KindKillWithdrawn].
func (*KillWithdrawn) Kind() Kind { return KindKillWithdrawn }

func (e *KillWithdrawn) core(*wire.Coder) {}

func (e *KillWithdrawn) personal(p *personalCoders) {
	p.actor.Text(1, &e.By)
	p.actor.LongText(2, &e.Why)
}
