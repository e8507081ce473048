package httpd

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"gatebook/events"
)

const (
	// refusalInterval is how often failed logins from one address are recorded.
	refusalInterval = time.Minute
	// refusalAddresses bounds how many addresses are remembered for that.
	refusalAddresses = 4096
)

// refusals are what was recorded last of an address's failed logins.
type refusals struct {
	at time.Time
	// more are those since.
	more int
}

// refuse records a failed login, as a session that ended with it: at most once a
// minute and address, with how many there were since the last time.
func (d *frontDoor) refuse(ctx context.Context, client netip.Addr, c *conn, as string) {
	if d.source == nil {
		return
	}
	more, due := d.countRefusal(client)
	if !due {
		return
	}
	ctx, stop := context.WithTimeout(ctx, recordLimit)
	defer stop()
	e := events.SessionOpened{Service: doorService, Protocol: doorProtocol, Address: client.String()}
	if c != nil {
		e.Listener, e.Port = c.LocalAddr().String(), c.client().Port()
	}
	id, err := d.source.Open(ctx, e)
	if d.note(err); err != nil {
		return
	}
	description := "login " + as + " failed"
	if more > 0 {
		description += fmt.Sprintf("; %d more from this address since the last record", more)
	}
	held, err := d.source.End(ctx, id, events.SessionClosed{Reason: events.ReasonAuthFailed, Description: description})
	switch {
	case held:
		d.note(errHeld)
	case !endedOtherwise(err):
		d.note(err)
	}
}

// countRefusal counts a failed login, and tells whether it is time to record one,
// and how many were not recorded before it.
func (d *frontDoor) countRefusal(client netip.Addr) (more int, due bool) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	r, known := d.refused[client]
	if known && now.Sub(r.at) < refusalInterval {
		r.more++
		d.refused[client] = r
		return 0, false
	}
	if !known && len(d.refused) >= refusalAddresses {
		d.forgetRefusals(now)
	}
	d.refused[client] = refusals{at: now}
	return r.more, true
}

// forgetRefusals makes room: those that are over go, and if there are none, any.
func (d *frontDoor) forgetRefusals(now time.Time) {
	for client, r := range d.refused {
		if now.Sub(r.at) >= refusalInterval {
			delete(d.refused, client)
		}
	}
	for client := range d.refused {
		if len(d.refused) < refusalAddresses {
			return
		}
		delete(d.refused, client)
	}
}
